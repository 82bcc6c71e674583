from __future__ import annotations

import re

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.web.robots import matches, read_path_rules
from datagov.web.sites import Site, origin_of, path_of, site_file

PIECES = st.text("ab/*$", max_size=8)


def oracle(pattern: str, path: str) -> bool:
    ended = pattern.endswith("$")
    body = re.escape(pattern.removesuffix("$")).replace(r"\*", ".*")
    return re.match(f"{body}{'$' if ended else ''}", path) is not None


@settings(max_examples=examples(400))
@given(pattern=PIECES, path=st.text("ab/$", max_size=10))
def test_patterns_match_as_the_expression_they_stand_for(pattern: str, path: str) -> None:
    assert matches(pattern, path) == oracle(pattern, path)


def test_a_pattern_of_many_stars_is_matched_at_once() -> None:
    assert not matches("*a" * 500 + "b$", "a" * 20_000)


RULES = b"""\xef\xbb\xbfuser-agent: *
Disallow: /private/   # not for robots
Allow: /private/open
Sitemap: https://a.example/map.xml

User-Agent: GPTBot
User-agent: CCBot
Crawl-delay: 5
Disallow: /
Allow: /about$

User-agent: ccbot
Allow: /news
nonsense
Disallow:
"""


@pytest.mark.parametrize(
    ("agent", "path", "allowed"),
    [
        ("other", "/private/x", False),
        ("other", "/private/open/x", True),
        ("other", "/", True),
        ("gptbot", "/news", False),
        ("GPTBot", "/about", True),
        ("GPTBot", "/about/us", False),
        ("CCBot", "/news/1", True),
        ("CCBot", "/other", False),
        ("*", "/private/", False),
    ],
)
def test_the_longest_pattern_of_all_groups_of_an_agent_decides(agent: str, path: str, allowed: bool) -> None:
    assert read_path_rules(RULES).allows(agent, path) is allowed


def test_an_allowing_pattern_wins_where_both_are_as_long() -> None:
    rules = read_path_rules(b"User-agent: *\nDisallow: /a\nAllow: /a\nDisallow: /\xe4\xbd\xa0")
    assert rules.allows("*", "/a")
    assert not rules.allows("*", "/你好")
    assert not rules.allows("*", "/%E4%BD%A0")


def test_no_rule_disallows_nothing() -> None:
    for data in (b"", b"\xff\xfe\x00", b"Disallow: /", b"User-agent: *\n"):
        assert read_path_rules(data).allows("*", "/")


AI_TXT = b"""User-Agent: *
Disallow: *.jpg
Disallow: *.html
Allow: *.txt
"""


def test_ai_txt_speaks_of_kinds_of_files() -> None:
    site = Site()
    assert site.ai_disallow(["*"], "/", "text/html") is None
    site.add("ai", AI_TXT)
    for path in ("/", "/about", "/a.php?x=1", "/a/b.html"):
        assert site.ai_disallow(["*"], path, "text/html")
    assert not site.ai_disallow(["*"], "/notes", "text/plain")
    site.add("ai", b"User-Agent: *\nAllow: *.html\nDisallow: /")
    assert not site.ai_disallow(["*"], "/about", "text/html")
    assert site.ai_disallow(["*"], "/notes", "text/plain")


def test_the_longest_location_of_tdmrep_decides() -> None:
    site = Site()
    site.add(
        "tdm",
        b'[{"location": "/", "tdm-reservation": 1, "tdm-policy": "https://a.example/p"},'
        b'{"location": "/open/*.html$", "tdm-reservation": 0},'
        b'{"location": 7, "tdm-reservation": 1}, "x", {"location": "/never", "tdm-reservation": [1]}]',
    )
    assert site.tdm_rule("/x") == (1, "https://a.example/p")
    assert site.tdm_rule("/open/a.html") == (0, None)
    assert site.tdm_rule("/never/x") == (1, "https://a.example/p")
    for nothing in (b"", b"not json", b"7", b"{}"):
        site.add("tdm", nothing)
        assert site.tdm_rule("/x") is None


@pytest.mark.parametrize(
    ("url", "origin", "path", "file"),
    [
        ("http://A.example:8080/robots.txt", "http://a.example:8080", "/robots.txt", "robots"),
        ("https://a.example/ai.txt?x=1", "https://a.example", "/ai.txt?x=1", None),
        ("https://a.example/.well-known/tdmrep.json", "https://a.example", "/.well-known/tdmrep.json", "tdm"),
        ("https://a.example", "https://a.example", "/", None),
        ("dns:a.example", None, "a.example", None),
        ("", None, "/", None),
    ],
)
def test_what_a_url_names(url: str, origin: str | None, path: str, file: str | None) -> None:
    assert (origin_of(url), path_of(url), site_file(url)) == (origin, path, file)


@pytest.mark.parametrize("url", ["http://[::1", "http://a.example:port/"])
def test_a_url_that_is_none_has_no_origin(url: str) -> None:
    assert origin_of(url) is None
