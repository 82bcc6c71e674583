from __future__ import annotations

import unicodedata

import pytest
import regex
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from text_strategies import CHARS, column

from datagov.errors import ConfigError
from datagov.text.normal import NormalForm, normal_bytes, normalise, strip_control
from datagov.text.tables import NORMAL_FORMS

# Characters that compose, decompose, reorder, and Hangul jamo.
TRICKY = "eéåÅＡﬁ①\u0301\u0327\u0323\u0345\u093c\u09be\u1100\u1161\u11a8가각\u2126\ufb1d\U0001d15e"
ROWS = st.lists(st.text(st.one_of(st.sampled_from(TRICKY), CHARS), max_size=50), max_size=6)
FORMS = st.sampled_from(NORMAL_FORMS)


@settings(max_examples=examples(300))
@given(ROWS, FORMS, st.integers(0, 40))
def test_normalise_is_that_of_unicodedata(texts: list[str], form: NormalForm, padding: int) -> None:
    texts = ["x" * padding + text for text in texts]
    expected = [unicodedata.normalize(form, text) for text in texts]
    found, changed = normalise(column(texts), form)
    assert found.to_pylist() == expected
    assert found.type == "large_string"
    assert changed.tolist() == [a != b for a, b in zip(texts, expected, strict=True)]


def test_normalise_reads_a_slice_and_returns_what_needs_no_change() -> None:
    texts = column(["e\u0301", "plain", "e\u0301", "汉字"])
    found, changed = normalise(texts.slice(1), "NFC")
    assert found.to_pylist() == ["plain", "é", "汉字"]
    assert changed.tolist() == [False, True, False]
    plain = column(["plain", "汉字", "é"])
    assert normalise(plain, "NFC")[0] is plain


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'NFX'.*Did you mean.*'NFC'"):
        normalise(column(["a"]), "NFX")  # type: ignore[arg-type]


CONTROL = regex.compile(r"[\p{Cc}\ufeff--[\t\n\r]]", regex.V1)


@given(
    st.lists(st.text(st.one_of(st.sampled_from("\x00\x07\x1b\x7f\x80\x85\x9f\xa0\v\f\t\n\r\ufeffﾡ"), CHARS)))
)
def test_strip_control_removes_what_the_definition_names(texts: list[str]) -> None:
    found, removed = strip_control(column(texts))
    assert found.to_pylist() == [CONTROL.sub("", text) for text in texts]
    assert removed.tolist() == [len(CONTROL.findall(text)) for text in texts]


def test_strip_control_reads_a_slice_and_returns_what_needs_no_change() -> None:
    texts = column(["\x00", "a\x00b", "c"])
    found, removed = strip_control(texts.slice(1))
    assert (found.to_pylist(), removed.tolist()) == (["ab", "c"], [1, 0])
    plain = column(["a\t\r\n", "汉"])
    assert strip_control(plain)[0] is plain


SPACE_RUN = regex.compile(r"\p{White_Space}+")


def normal(text: str) -> bytes:
    return SPACE_RUN.sub(" ", unicodedata.normalize("NFC", text)).strip(" ").encode()


@settings(max_examples=examples(300))
@given(
    st.lists(
        st.text(
            st.one_of(
                st.sampled_from(" \t\n\r\v\f\x85\xa0\u1680\u2003\u2028\u202f\u205f\u3000a汉é\u0301"), CHARS
            )
        )
    )
)
def test_normal_bytes(texts: list[str]) -> None:
    found = normal_bytes(column(texts))
    assert found.type == "large_binary"
    assert found.to_pylist() == [normal(text) for text in texts]


@given(st.lists(st.text(st.sampled_from(" \u3000ab汉")), min_size=1), st.integers(0, 2))
def test_normal_bytes_of_a_slice_and_of_themselves(texts: list[str], skipped: int) -> None:
    start = min(skipped, len(texts))
    once = normal_bytes(column(texts).slice(start)).to_pylist()
    assert once == [normal(text) for text in texts[start:]]
    assert normal_bytes(column([row.decode() for row in once])).to_pylist() == once


def test_a_million_characters() -> None:
    text = " x\u3000" * 333_334
    assert normal_bytes(column([text])).to_pylist() == [normal(text)]
    accents = "a\u0301\u0327" * 333_334
    assert normalise(column([accents]), "NFC")[0].to_pylist() == [unicodedata.normalize("NFC", accents)]
