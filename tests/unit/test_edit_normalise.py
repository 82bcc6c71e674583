"""The edit `normalise` against the standard library."""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.edits import EDITS, normalise
from datagov.errors import ConfigError
from datagov.text.batch import TextBatch

texts = st.text(
    st.sampled_from("ae\u0301\u0323é汉Ａ１ｶﾞ\u3000 \n\t\r\x00\x07\x7f\x85\ufeff가\u1100\u1161😀ﬁ"), max_size=12
)


def batch(documents: list[str]) -> TextBatch:
    return TextBatch(pa.array(documents, pa.large_string()))


def removed(char: str) -> bool:
    return char == "\ufeff" or (unicodedata.category(char) == "Cc" and char not in "\t\n\r")


@settings(max_examples=examples(80))
@given(
    documents=st.lists(texts, max_size=5),
    form=st.none() | st.sampled_from(["NFC", "NFKC", "NFD", "NFKD"]),
    strip=st.booleans(),
)
def test_edit_equals_the_plain_definition(documents: list[str], form: str | None, strip: bool) -> None:
    done = normalise.apply(batch(documents), form=form, strip_control=strip)
    edited, edits = done.texts, done.changes
    assert done.spans is None
    assert edits.schema == EDITS["normalise"].schema
    edits.validate(full=True)
    for before, after, row in zip(documents, edited.to_pylist(), edits.to_pylist(), strict=True):
        expected = "".join(c for c in before if not removed(c)) if strip else before
        controls = len(before) - len(expected)
        if form is not None:
            expected = unicodedata.normalize(form, expected)
        assert after == expected
        assert row == {
            "changed": before != expected,
            "chars_before": len(before),
            "chars_after": len(expected),
            "controls_removed": controls,
        }
    again = normalise.apply(TextBatch(edited), form=form, strip_control=strip)
    assert again.texts.equals(edited)
    assert not any(again.changes.column("changed").to_pylist())


def test_controls_go_before_letters_compose() -> None:
    assert normalise.apply(batch(["e\x00\u0301"])).texts.to_pylist() == ["é"]


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"Did you mean .*'NFKC'"):
        normalise.apply(batch(["x"]), form="NFKc")
