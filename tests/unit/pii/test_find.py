"""Personal data: all that is made right is found, nothing that is made wrong, and nothing depends on its neighbours."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pytest
import synthetic
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.errors import ConfigError
from datagov.extras import load, named
from datagov.pii.checks import check_regions
from datagov.pii.find import find
from datagov.pii.kinds import KINDS, NAMES, chosen_kinds
from datagov.signals import resolve_params
from datagov.signals.pii import PII
from datagov.text.batch import TextBatch

COUNT = 400


def found_in(texts: list[str], **options: Any) -> list[list[tuple[str, str]]]:
    """(kind, text) of each stretch, by document."""
    batch = TextBatch(pa.array(texts, pa.large_string()))
    done = find(batch, **options)
    rows: list[list[tuple[str, str]]] = [[] for _ in texts]
    for row, kind, start, end in zip(done.row, done.kind, done.start, done.end, strict=True):
        first = batch.offsets[row]
        rows[row].append((NAMES[kind], texts[row][start - first : end - first]))
    return rows


def test_there_are_made_things_of_every_kind() -> None:
    assert list(synthetic.MAKERS) == list(NAMES)
    assert all(kind.source and kind.what for kind in KINDS)


@pytest.mark.parametrize("kind", NAMES)
def test_everything_right_is_found_and_nothing_else(kind: str) -> None:
    made = synthetic.made(kind, COUNT)
    for (text, thing), row in zip(made, found_in([text for text, _ in made]), strict=True):
        if kind == "passport":
            thing = re.sub("^.*[^A-Z0-9]", "", thing)  # noqa: PLW2901 - without what calls it one
        expected = kind
        if kind == "bank_card" and synthetic.is_resident_id(thing):
            expected = "resident_id"
        assert row == [(expected, thing)], text


@pytest.mark.parametrize("kind", NAMES)
def test_nothing_wrong_is_found(kind: str) -> None:
    made = synthetic.made(kind, COUNT, wrong=True)
    for (text, _), row in zip(made, found_in([text for text, _ in made], kinds=[kind]), strict=True):
        assert row == [], text


def test_the_check_digits_of_residents_are_those_of_the_standard() -> None:
    """Every remainder: the table that is often copied with 7 and 8 exchanged would fail here."""
    seen = set()
    for serial in range(200):
        body = f"11010519491231{serial:03}"
        right = synthetic.id_check(body)
        seen.add(right)
        texts = [body + sign for sign in "0123456789X"]
        rows = found_in(texts, kinds=["resident_id"])
        assert [text for text, row in zip(texts, rows, strict=True) if row] == [body + right]
    assert len(seen) == 11


def test_a_small_x_and_full_width_digits_count() -> None:
    number = next(thing for _, thing in synthetic.made("resident_id", 200) if thing.endswith("X"))
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in number)
    assert found_in([number.lower(), wide], kinds=["resident_id"]) == [
        [("resident_id", number.lower())],
        [("resident_id", wide)],
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("13812345678@qq.com", [("email", "13812345678@qq.com")]),
        ("13812345678/13912345678", [("mobile", "13812345678"), ("mobile", "13912345678")]),
        ("+86 138 1234 5678", [("mobile", "+86 138 1234 5678")]),
        ("(+86)13812345678", [("mobile", "13812345678")]),
        ("+86 10 62345678", [("landline", "+86 10 62345678")]),
        ("010-6234 5678转801", [("landline", "010-6234 5678")]),
        ("8613812345678", []),
        ("http://203.0.113.9/ http://8.8.4.4:80/", [("ip", "8.8.4.4")]),
        ("0.4111111111111111 3.14159265358979323846", []),
        ("sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709", []),
        ("2333333333333333", []),
        ("a@b.com@c.com", [("email", "a@b.com")]),
        ("mail:a@qq.com.", [("email", "a@qq.com")]),
    ],
)
def test_what_overlaps_touches_or_looks_alike(text: str, expected: list[tuple[str, str]]) -> None:
    assert found_in([text]) == [expected]


def test_national_numbers_count_for_the_regions_named() -> None:
    text = "call (650) 253-0000 or 020 7946 0018 today"
    assert found_in([text], kinds=["phone"]) == [[]]
    assert found_in([text], kinds=["phone"], regions=["US"]) == [[("phone", "(650) 253-0000")]]
    assert len(found_in([text], kinds=["phone"], regions=["GB", "US"])[0]) == 2


CARD = re.compile(r"(?<![0-9A-Za-z_])(?<!\d[.-])\d{15,19}(?![0-9A-Za-z_])(?![.-]\d)", re.ASCII)
MOBILE = re.compile(
    r"(?<![0-9A-Za-z_])(?<!\d[.-])(?:\+?86[ -]|\+86|\+?0086[ -]?|(?<!\+))"
    r"1[3-9]\d(?:\d{8}|( |-)\d{4}\1\d{4}|\d( |-)\d{3}\2\d{4})(?![0-9A-Za-z_])(?![.-]\d)",
    re.ASCII,
)
pieces = st.sampled_from(
    [*"0123456789", *"   --..,+@:Xx_(）", "13", "138", "86", "0086", "+86", "1234", "5678", "13812345678", "京A", "电话", "a", "\n",
     "4111 1111 1111 1111", "6222021234567890128", "8.8.", "::", "@qq.com"]
)  # fmt: skip
texts = st.lists(pieces, max_size=14).map("".join)


def national(number: str) -> str:
    """The eleven digits; where a code begins, when several could, is not held against an expression."""
    return re.sub(r"\D", "", number)[-11:]


@settings(max_examples=300)
@given(texts)
def test_mobile_numbers_are_those_of_a_regular_expression(text: str) -> None:
    at, expected = 0, []
    while match := MOBILE.search(text, at):
        expected.append(match.group())
        at = match.end()
    found = [thing for _, thing in found_in([text], kinds=["mobile"])[0]]
    assert [national(thing) for thing in found] == [national(thing) for thing in expected]


@settings(max_examples=100)
@given(st.lists(texts, max_size=5))
def test_a_document_does_not_depend_on_its_batch(documents: list[str]) -> None:
    together = found_in(documents)
    assert together == [found_in([text])[0] for text in documents]
    for text, row in zip(documents, together, strict=True):
        at = 0
        for _, thing in row:
            assert text.find(thing, at) >= 0
            at = text.find(thing, at) + len(thing)


def test_more_candidates_than_there_is_room_for_at_first() -> None:
    text = "13812345678 " * 3000
    assert len(found_in([text], kinds=["mobile"])[0]) == 3000


def test_unknown_kinds_and_regions_are_refused() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'mobile'"):
        chosen_kinds(["mobil"])
    with pytest.raises(ConfigError, match="names no kind"):
        chosen_kinds([])
    with pytest.raises(ConfigError, match="no region 'USA'"):
        check_regions(["USA"])
    assert check_regions(["US", "GB", "US"]) == ["GB", "US"]


def test_another_version_of_a_library_is_refused() -> None:
    batch = TextBatch(pa.array(["x"], pa.large_string()))
    with pytest.raises(ConfigError, match=r"planned with phonenumbers 1\.0"):
        find(batch, kinds=["phone"], by="phonenumbers 1.0")
    with pytest.raises(ConfigError, match="one version everywhere"):
        load("python-stdnum", expected="python-stdnum 0, phonenumbers 1")


def test_the_family_counts_what_is_found_by_kind() -> None:
    texts = ["13812345678 13912345678 a@qq.com", "", "8.8.8.8"]
    batch = TextBatch(pa.array(texts, pa.large_string()))
    params = resolve_params(PII, {"kinds": ["mobile", "email"]})
    assert params["kinds"] == ["email", "mobile"]
    assert params["by"] == named("publicsuffixlist")
    rows = PII.measure(batch, params).to_pylist()
    assert [row["found"] for row in rows] == [3, 0, 0]
    assert [(row["mobile"], row["email"], row["ip"]) for row in rows] == [
        (2, 1, None),
        (0, 0, None),
        (0, 0, None),
    ]
    with pytest.raises(ConfigError, match="install that version"):
        resolve_params(PII, {"by": "phonenumbers 1"})
