"""Published lists read into lexicons: corrupt entries are dropped and told, encodings and categories checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from governing import Finished

from datagov.errors import ConfigError
from datagov.lexicons.file import read_lexicon, starter
from datagov.lexicons.lexicon import Lexicon
from datagov.lexicons.lists import Read, joined, read_list

Cli = Callable[..., Finished]


def listed(folder: Path, content: bytes, **options: Any) -> Read:
    path = folder / "list.txt"
    path.write_bytes(content)
    return read_list(path, **options)


def test_a_list_is_read_and_what_is_corrupt_is_told(tmp_path: Path) -> None:
    content = "\ufeff# mine\nFool\n\n性\ufffdj\r\nidiot\tinsult\tmore\n".replace("\tmore", "\t0.5")
    read = listed(
        tmp_path, (content + "ｆｏｏｌ\n……\na\x07b\n" + "x" * 70 + "\n笨蛋\n").encode(), category="slur"
    )
    assert [(term.text, term.category, term.weight) for term in read.terms] == [
        ("Fool", "slur", 1000),
        ("idiot", "insult", 500),
        ("笨蛋", "slur", 1000),
    ]
    assert [(each.line, each.reason.partition(" ")[2][:24]) for each in read.dropped] == [
        (4, "holds U+FFFD: it was dec"),
        (6, "again"),
        (7, "holds neither a letter n"),
        (8, "holds a control characte"),
        (9, "has 70 characters that c"),
    ]
    assert (read.source.name, read.source.terms, read.source.dated) == ("list.txt", 3, None)


def test_a_line_that_is_not_utf8_is_dropped_and_many_are_another_encoding(tmp_path: Path) -> None:
    lines = [f"term {at}".encode() for at in range(200)]
    read = listed(tmp_path, b"\n".join([*lines, "傻瓜".encode("gb18030")]))
    assert [(each.line, each.reason) for each in read.dropped] == [(201, "not UTF-8")]
    message = "2 of 2 lines are not UTF-8: .* convert it first, iconv -f GB18030 -t UTF-8"
    with pytest.raises(ConfigError, match=message):
        listed(tmp_path, "傻瓜\n笨蛋".encode("gb18030"))
    with pytest.raises(ConfigError, match="is UTF-16: convert it first"):
        listed(tmp_path, "傻瓜".encode("utf-16"))


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", {}, "holds no entry that can be a term; it is empty"),
        (b"\n# nothing\n", {}, "it is empty"),
        ("\ufffd\n".encode(), {}, "1 were dropped, the first: .* holds U\\+FFFD"),
        (b"fool\tinsolt", {}, r"line 1: there is no category 'insolt'. Did you mean 'insult'"),
        (b"fool\tinsult\tx", {}, "line 1: weight 'x' is not a number"),
        (b"fool\tinsult\t1\t2", {}, "expected a term, its category and its weight, got 4 columns"),
        (b"fool", {"category": "x"}, "there is no category 'x'"),
        (b"fool", {"dated": "2021"}, "dated '2021': expected YYYY-MM-DD"),
        (b"fool", {"fewest_chars": 5}, "4 characters, fewer than 5"),
    ],
)
def test_what_is_wrong_with_a_list_is_said(
    tmp_path: Path, content: bytes, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        listed(tmp_path, content, **options)


def test_a_list_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.txt: cannot be read"):
        read_list(tmp_path / "none.txt")


def version_of(before: Lexicon | None, read: Read, **options: Any) -> Lexicon:
    made, _ = joined(
        before, "mine", read.terms, [read.source], today="2026-01-02", counterparts=lambda _: "", **options
    )
    return made


def test_changed_content_is_a_new_version_and_added_terms_stay_as_they_were(tmp_path: Path) -> None:
    first = version_of(None, listed(tmp_path, b"fool\nidiot"))
    assert version_of(first, listed(tmp_path, b"fool\nidiot")) is first
    second = version_of(first, listed(tmp_path, b"idiot\tslur\nmoron"), add=True)
    assert (second.version, [(term.text, term.category) for term in second.terms]) == (
        2,
        [("fool", "unsorted"), ("idiot", "unsorted"), ("moron", "unsorted")],
    )
    assert [source.terms for source in second.sources] == [2, 2]
    third = version_of(second, listed(tmp_path, b"moron"), allow=["moronic"])
    assert (third.version, len(third.terms), third.allow) == (3, 1, ("moronic",))


@pytest.mark.slow
def test_the_commands_make_show_and_try_a_lexicon(tmp_path: Path, cli: Cli) -> None:
    source, output = tmp_path / "list.txt", tmp_path / "lex.json"
    source.write_text("傻瓜\n罵人\n性\ufffdj\n", "utf-8")
    (tmp_path / "allow.txt").write_text("傻瓜相机\n", "utf-8")
    options = ["--category", "insult", "--dated", "2020-01-01", "--allow", tmp_path / "allow.txt"]
    dry = cli("lexicon", "import", source, "--output", output, *options, "--dry-run", "--json")
    assert (dry.code, output.exists()) == (0, False), dry.err
    done = cli("lexicon", "import", source, "--output", output, *options)
    assert done.code == 0, done.err
    assert "dropped line 3: '性\ufffdj' holds U+FFFD" in done.out
    assert "2 terms, 1 entries dropped" in done.out
    shown = json.loads(cli("lexicon", "show", output, "--json").out)
    assert shown["by_category"] == {"insult": 2}
    assert shown["sources"][0]["age_years"] > 5
    found = json.loads(cli("lexicon", "find", output, "傻瓜相机，傻傻傻瓜，骂人", "--json").out)
    assert [(row["text"], row["term"]) for row in found] == [("傻傻傻瓜", "傻瓜"), ("骂人", "罵人")]
    plain = json.loads(cli("lexicon", "find", output, "傻傻傻瓜，骂人", "--foldings", "case", "--json").out)
    assert [row["text"] for row in plain] == ["傻瓜"]
    added = cli("lexicon", "import", "starter", "--output", output, "--add", "--json")
    assert json.loads(added.out)["version"] == 2
    assert len(read_lexicon(output).terms) == len(starter().terms) + 2
    record = json.loads(output.read_text("utf-8"))
    record["terms"][0]["category"] = "slur"
    output.write_text(json.dumps(record), "utf-8")
    assert "changed by hand" in cli("lexicon", "show", output).err
    assert cli("lexicon", "import", output, "--output", output).code == 0
    assert read_lexicon(output).version == 3
    wrong = cli("lexicon", "import", source, "--output", output, "--kind", "sexhatlex")
    assert (wrong.code, "Did you mean 'sexhatelex'" in wrong.err) == (2, True)


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "kind", "terms", "corrupt"),
    [
        ("SexHateLex.txt", "sexhatelex", 3003, 1),
        ("ldnoobw_en.txt", "ldnoobw", 402, 0),
        ("ldnoobw_zh.txt", "ldnoobw", 318, 0),
    ],
)
def test_the_published_lists_are_read(
    corpus_root: Path, name: str, kind: str, terms: int, corrupt: int
) -> None:
    path = corpus_root.parent / "lexicons" / name
    if not path.is_file():
        pytest.skip(f"no list at {path}")
    read = read_list(path, kind=kind)
    assert len(read.terms) == terms
    assert sum("U+FFFD" in each.reason for each in read.dropped) == corrupt
