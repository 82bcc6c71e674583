from __future__ import annotations

import time

import pytest
from made_warcs import answer, page

from datagov.web.http import read_answer
from datagov.web.pages import EXTRACTIONS, MOST_ATTRIBUTES, MOST_DEPTH, PageTooDeep, decoded, read_page
from datagov.web.reservations import NOTHING, Reservations, reservations
from datagov.web.sites import Site

SENTENCES = [
    f"This is paragraph number {at}, and it says something that is worth reading twice." for at in range(6)
]
CHINESE = "今天的天气很好，我们一起去公园里散步，看看那些刚刚开放的花。"


@pytest.mark.parametrize("extract", EXTRACTIONS)
def test_the_text_of_a_page_is_found(extract: str) -> None:
    html = page("A title", *SENTENCES, head='<meta name="Robots" content="noai"><script>var x = 1;</script>')
    found = read_page(html, None, extract, None)
    assert all(sentence in found.text for sentence in SENTENCES)
    assert "var x" not in found.text
    assert (found.title, found.metas) == ("A title", (("robots", "noai"),))


def test_pages_do_not_depend_on_those_before() -> None:
    html = page("A title", *SENTENCES)
    assert read_page(html, None, "trafilatura", None) == read_page(html, None, "trafilatura", None)


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        (f"<p>{CHINESE}".encode("gb18030"), "GB2312"),
        (f'<meta charset="gb2312"><p>{CHINESE}'.encode("gbk"), None),
        (f"<p>{CHINESE}".encode(), "utf-8"),
        (b"\xef\xbb\xbf" + f"<p>{CHINESE}".encode(), "gb2312"),
        (b"\xff\xfe" + f"<p>{CHINESE}".encode("utf-16-le"), "utf-8"),
        (f"<p>{CHINESE}".encode("big5", "ignore"), "big5"),
        (f"<p>{CHINESE}".encode(), "no such charset"),
        (f'<meta charset="gb2312"><p>{CHINESE}'.encode(), "gbk"),
    ],
)
def test_pages_are_decoded_as_browsers_do(data: bytes, charset: str | None) -> None:
    expected = f"<p>{CHINESE}".encode("big5", "ignore").decode("big5") if charset == "big5" else CHINESE
    assert expected.removeprefix("<p>") in decoded(data, charset)


@pytest.mark.parametrize("data", [b"", b"\0", b"<", b"\xed\xa0\x80", b"\xff\xfe\x00\xd8", b"<p>\xff\xff"])
def test_any_bytes_become_text_that_can_be_written(data: bytes) -> None:
    for charset in (None, "utf-8", "utf-16", "gb18030", "utf-7"):
        read_page(data, charset, "all_text", None).text.encode()


@pytest.mark.parametrize(
    "data",
    [b"<div>" * 100_000, b"<p>x" + b"<b><i>" * MOST_DEPTH, b"<div " + b"a=1 " * 200_000 + b">x",
     b"<div " + b"a/" * (2 * MOST_ATTRIBUTES) + b">x"],
)  # fmt: skip
def test_pages_that_parsers_choke_on_are_refused_at_once(data: bytes) -> None:
    begun = time.perf_counter()
    with pytest.raises(PageTooDeep):
        read_page(data, None, "resiliparse", None)
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize(
    "data",
    [b"<p>a<br>" * 20_000, b"<ul>" + b"<li>a" * 20_000, b'<img src="data:image/png;base64,' + b"A " * 50_000 + b'"><p>x'],
)  # fmt: skip
def test_long_plain_pages_are_not(data: bytes) -> None:
    assert read_page(data, None, "all_text", None) is not None


def found(**known: object) -> Reservations:
    given = {
        "answer": None,
        "metas": (),
        "site": None,
        "url": "http://a.example/x",
        "media_type": "text/html",
    }
    return reservations(**{**given, "agents": ["*", "gptbot"], **known})


def test_nothing_said_is_nothing_reserved() -> None:
    assert found() == found(answer=read_answer(answer(b"x")), site=Site()) == NOTHING


@pytest.mark.parametrize(
    ("header", "robots", "opt_out"),
    [
        ("noai", "noai", "noai"),
        ("noindex, NoAI, noimageai", "noindex, NoAI, noimageai", "noai"),
        ("max-snippet: 5, noai", "max-snippet: 5, noai", "noai"),
        ("otherbot: noai, noindex", None, ""),
        ("GPTBot: noai, noindex", "noai, noindex", "noai"),
        ("noimageai", "noimageai", ""),
        (",,", None, ""),
    ],
)
def test_robots_headers(header: str, robots: str | None, opt_out: str) -> None:
    got = found(answer=read_answer(answer(b"x", f"X-Robots-Tag: {header}")))
    assert (got.robots, got.opt_out) == (robots, opt_out)


def test_robots_of_the_page_speak_to_all_or_to_one() -> None:
    assert found(metas=[("robots", "index"), ("gptbot", "noai")]).opt_out == "noai"
    assert found(metas=[("robots", "index"), ("otherbot", "noai")]).opt_out == ""


def test_every_place_of_tdmrep_is_named_for_itself() -> None:
    site = Site()
    site.add("tdm", b'[{"location": "/x", "tdm-reservation": 1, "tdm-policy": "https://a.example/file"}]')
    head = read_answer(answer(b"x", "tdm-reservation: 1", "tdm-policy: https://a.example/head"))
    assert found(answer=head).opt_out == "tdm-header"
    assert found(site=site).opt_out == "tdm-file"
    got = found(answer=head, site=site, metas=[("tdm-reservation", "0")])
    assert (got.opt_out, got.tdm_reservation, got.tdm_policy) == (
        "tdm-header tdm-file",
        1,
        "https://a.example/head",
    )
    not_reserved = found(metas=[("tdm-reservation", "0"), ("tdm-policy", "p")])
    assert (not_reserved.opt_out, not_reserved.tdm_reservation, not_reserved.tdm_policy) == ("", 0, "p")
    assert found(metas=[("tdm-reservation", "yes")]).tdm_reservation is None


def test_files_of_the_site_reserve_its_pages() -> None:
    site = Site()
    site.add("robots", b"User-agent: gptbot\nDisallow: /x")
    site.add("ai", b"User-agent: *\nDisallow: *.html")
    got = found(site=site)
    assert (got.robots_disallowed, got.ai_txt_disallowed, got.opt_out) == (True, True, "ai.txt robots.txt")
    other = found(site=site, url="http://a.example/y")
    assert (other.robots_disallowed, other.ai_txt_disallowed, other.opt_out) == (False, True, "ai.txt")
