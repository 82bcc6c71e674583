"""The edit `width` against str.translate, and what it leaves alone."""

from __future__ import annotations

import unicodedata

import pytest
from edit_checks import batch, run
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.edits import EDITS
from datagov.edits.width import DEFAULT_FORMS, TABLE
from datagov.errors import ConfigError

texts = st.text(st.sampled_from("aＡｚ１９！，。？（）＋～\u3000ｶｳﾊﾝﾞﾟ｡｢･カ漢😀\n"), max_size=12)


def oracle(text: str, forms: list[str]) -> str:
    if "katakana" in forms:
        for base in TABLE["katakana"]:
            for mark in "ﾞﾟ":
                joined = unicodedata.normalize("NFKC", base + mark)
                if len(joined) == 1:
                    text = text.replace(base + mark, joined)
        text = text.replace("ﾞ", "゛").replace("ﾟ", "゜")
    mapping = {ord(old): new for form in forms for old, new in TABLE[form].items()}
    return text.translate(mapping)


@settings(max_examples=examples(80))
@given(st.lists(texts, max_size=4), st.lists(st.sampled_from(sorted(TABLE)), unique=True))
def test_width_is_a_table(documents: list[str], forms: list[str]) -> None:
    done = run("width", documents, forms=forms)
    after = done.texts.to_pylist()
    assert after == [oracle(text, forms) for text in documents]
    assert not any(run("width", after, forms=forms).changes.column("changed").to_pylist())


def test_chinese_punctuation_stays_unless_asked_for() -> None:
    text = "ＡＢＣ１２３，你好！（第１章）：“完”。？；\u3000５％"
    kept = "ABC123，你好！（第1章）：“完”。？；\u30005％"
    assert run("width", [text]).texts.to_pylist() == [kept]
    ascii_too = run("width", [text], forms=[*DEFAULT_FORMS, "punctuation", "signs", "space"])
    assert ascii_too.texts.to_pylist() == ["ABC123,你好!(第1章):“完”。?; 5%"]


def test_every_form_maps_one_character_to_another() -> None:
    for mapping in TABLE.values():
        for old, new in mapping.items():
            assert len(old) == 1
            assert len(new) == 1
            assert old != new
    names = [character for mapping in TABLE.values() for character in mapping]
    assert len(names) == len(set(names))


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'letters'"):
        EDITS["width"].apply(batch(["x"]), forms=["leters"])
