"""URLs against lists: hosts meet on label boundaries, paths on path boundaries, and files of wrong form are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.errors import ConfigError
from datagov.extras import named
from datagov.model_files import model_file
from datagov.signals import resolve_params
from datagov.signals.url_lists import URL_LISTS, locate
from datagov.text.batch import TextBatch
from datagov.urls.lists import UrlLists, read_lists
from datagov.urls.match import UrlMatcher

Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Write lists: `CATEGORY/FILE` -> entries."""

    def folder(**files: str) -> Path:
        for name, content in files.items():
            category, _, file = name.partition("__")
            (tmp_path / "lists" / category).mkdir(parents=True, exist_ok=True)
            (tmp_path / "lists" / category / file).write_text(content, "utf-8")
        return tmp_path / "lists"

    return folder


def hits(lists: UrlLists, urls: list[str]) -> list[list[str]]:
    found = UrlMatcher(lists, None).hits(pa.array(urls, pa.large_string()))
    return [[f"{hit.rule} {hit.term}" for hit in found if hit.row == row] for row in range(len(urls))]


DOMAINS = UrlLists(domains={"a.com": ["adult"], "b.a.com": ["games"], "com.cn": ["adult"], "github.io": ["adult"],
                            "8.8.8.8": ["ddos"], "xn--fsqu00a.xn--0zwm56d": ["adult"]})  # fmt: skip


@pytest.mark.parametrize(
    ("url", "met"),
    [
        ("http://a.com", ["host adult/a.com"]),
        ("https://user:pw@WWW.A.com:8080/x?y=b.com#z", ["host adult/a.com"]),
        ("a.com./x", ["host adult/a.com"]),
        ("//c.b.a.com/", ["host games/b.a.com", "host adult/a.com"]),
        ("http://nota.com/", []),
        ("http://a.com.evil.net/", []),
        ("http://example.org/http://a.com/", []),
        ("http://shop.com.cn/", []),
        ("http://com.cn/", ["host adult/com.cn"]),
        ("http://someone.github.io/", []),
        ("http://8.8.8.8/x", ["host ddos/8.8.8.8"]),
        ("http://1.8.8.8.8/", []),
        ("http://例子.测试/", ["host adult/xn--fsqu00a.xn--0zwm56d"]),
        ("", []),
        ("not a url", []),
        ("http://", []),
        ("http://[2001:db8::1]/", []),
        ("\n\x00", []),
    ],
)
def test_hosts_meet_domains_on_label_boundaries(url: str, met: list[str]) -> None:
    assert hits(DOMAINS, [url]) == [met]


PATHS = UrlLists(paths={"a.com": [("/x", "games"), ("/y/", "games"), ("/?id=1", "chat")]})


@pytest.mark.parametrize(
    ("url", "met"),
    [
        ("http://a.com/x", 1),
        ("http://www.a.com:80/x/y", 1),
        ("http://a.com/x?q", 1),
        ("http://a.com/xyz", 0),
        ("http://a.com/", 0),
        ("http://a.com/y", 1),
        ("http://a.com/y/z", 1),
        ("http://a.com/?id=1", 1),
        ("http://a.com/?id=1&b", 1),
        ("http://a.com/?id=12", 0),
        ("http://b.a.com/x", 0),
    ],
)
def test_paths_meet_on_path_boundaries(url: str, met: int) -> None:
    assert len(hits(PATHS, [url])[0]) == met


labels = st.sampled_from(["a", "b", "ab", "www"])


@settings(max_examples=100)
@given(
    st.lists(st.lists(labels, min_size=1, max_size=3), max_size=4),
    st.lists(st.lists(labels, min_size=1, max_size=4), max_size=5),
)
def test_hosts_meet_what_the_definition_says(listed: list[list[str]], asked: list[list[str]]) -> None:
    domains = {".".join([*entry, "com"]) for entry in listed}
    lists = UrlLists(domains={domain: ["x"] for domain in domains})
    urls = [f"https://{'.'.join([*host, 'com'])}/p" for host in asked]
    for host, met in zip(asked, hits(lists, urls), strict=True):
        whole = [*host, "com"]
        expected = [".".join(whole[at:]) for at in range(len(whole) - 1)]
        assert met == [f"host x/{domain}" for domain in expected if domain in domains]


def test_what_is_too_long_for_a_host_meets_nothing() -> None:
    lists = UrlLists(domains={"a.com": ["x"]})
    longest = f"{'b' * 247}.a.com"
    assert len(longest) == 253
    assert hits(lists, [f"https://{longest}/", f"https://b{longest}/"]) == [["host x/a.com"], []]


def test_a_folder_is_read_by_category(folder: Folder) -> None:
    path = folder(
        adult__domains="# comment\nA.com\n\nb.org\n", adult__urls="http://c.net/X/\nd.com\n", adult__usage="anything at all",
        words__words="casino\n赌场\n", words__soft_words="free\nsexy\n", words__substrings="bigbet\n",
    )  # fmt: skip
    lists = read_lists(path, [])
    assert lists.domains == {"a.com": ["adult"], "b.org": ["adult"], "d.com": ["adult"]}
    assert lists.paths == {"c.net": [("/x/", "adult")]}
    assert (lists.words, lists.soft_words, lists.substrings) == (
        {"casino", "赌场"},
        {"free", "sexy"},
        {"bigbet"},
    )
    assert lists.entries == 9
    assert read_lists(path, ["words"]).domains == {}
    assert read_lists(path / "adult", []).domains == lists.domains


@pytest.mark.parametrize(
    ("files", "categories", "message"),
    [
        ({"adult__domains": "a.com/x\n"}, [], "line 1: 'a.com/x' is not a domain"),
        ({"adult__domains": "<html>\n<a b>"}, [], "line 2: '<a b>' is not a domain"),
        ({"adult__urls": "ok.com/x\nhttp://two words/\n"}, [], "line 2: .* is not a URL"),
        ({"adult__words": "two words\n"}, [], "more than letters and digits"),
        ({"adult__domains": "# nothing\n"}, [], "hold no entry"),
        ({"adult__readme": "x"}, [], "holds none of the files domains, urls, words"),
        ({"adult__domains": "a.com\n"}, ["adlut"], "Did you mean 'adult'"),
    ],
)
def test_lists_of_wrong_form_are_refused(
    folder: Folder, files: dict[str, str], categories: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        read_lists(folder(**files), categories)


def test_a_file_in_place_of_the_folder_and_other_bytes_are_refused(tmp_path: Path, folder: Folder) -> None:
    (tmp_path / "domains").write_text("a.com")
    with pytest.raises(ConfigError, match="expected a folder"):
        read_lists(tmp_path / "domains", [])
    path = folder(adult__domains="a.com")
    (path / "adult" / "domains").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read as UTF-8"):
        read_lists(path, [])


def measured(path: Path, urls: list[str], **params: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    resolved = resolve_params(URL_LISTS, {"lists": model_file(path), **params})
    counts, spans = locate(TextBatch(pa.array(urls, pa.large_string())), resolved)
    return counts.to_pylist(), spans.to_pylist()


def test_the_family_counts_and_says_where(folder: Folder) -> None:
    path = folder(
        adult__domains="a.com\n",
        words__words="casino\n",
        words__soft_words="free\n",
        words__substrings="bigbet\n",
    )
    counts, spans = measured(path, ["https://x.a.com/Casino/free-free", "http://b.net/big-bet", ""])
    assert counts == [
        {"hosts": 1, "paths": 0, "words": 1, "soft_words": 2, "substrings": 0},
        {"hosts": 0, "paths": 0, "words": 0, "soft_words": 0, "substrings": 1},
        {"hosts": 0, "paths": 0, "words": 0, "soft_words": 0, "substrings": 0},
    ]
    assert spans == [{"row": 0, "rule": "host", "start": 10, "end": 15, "term": "adult/a.com"}]
    assert measured(path, [], categories="adult")[0] == []


def test_another_file_in_the_folder_is_another_list(folder: Folder) -> None:
    path = folder(adult__domains="a.com\n")
    before = model_file(path)
    assert model_file(path) == before
    params = resolve_params(URL_LISTS, {"lists": before})
    assert (params["entries"], params["by"]) == (1, named("publicsuffixlist"))
    folder(adult__urls="b.com/x\n")
    with pytest.raises(ConfigError, match="where the recipe was read"):
        before.check()
    with pytest.raises(ConfigError, match="install that version"):
        resolve_params(URL_LISTS, {"lists": model_file(path), "by": "publicsuffixlist 0"})
