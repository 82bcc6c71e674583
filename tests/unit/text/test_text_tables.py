from __future__ import annotations

import sys
import unicodedata

import pytest
import regex
from text_strategies import ALPHABET
from uax29 import word_break

from datagov.text.build_tables import unicode_version
from datagov.text.tables import (
    BREAKS,
    KINDS,
    LOWER_LIMIT,
    NORMAL_FORMS,
    SCRIPT_NONE,
    SCRIPTS,
    unicode_tables,
)

KIND_OF_CATEGORY = {
    "L": "letter",
    "M": "mark",
    "N": "number",
    "P": "punctuation",
    "S": "symbol",
    "Z": "space",
}
KIND_OF_CATEGORY |= {"Cc": "control", "Cf": "format", "Cn": "other", "Co": "other", "Cs": "other"}
WHITE_SPACE = set("\t\n\v\f\r\x85")

TABLES = unicode_tables()
KNOWN = [chr(p) for p in range(sys.maxunicode + 1) if unicodedata.category(chr(p)) != "Cn"]


def attribute(array: object, char: str) -> int:
    return int(array[TABLES.class_of[ord(char)]])  # type: ignore[index]


def test_kinds_are_those_of_python_for_characters_python_knows() -> None:
    # A character may change category between versions of Unicode; only a handful ever have.
    differing = [
        char
        for char in KNOWN
        if char not in WHITE_SPACE
        and KINDS[attribute(TABLES.kind, char)]
        != KIND_OF_CATEGORY.get(
            unicodedata.category(char), KIND_OF_CATEGORY.get(unicodedata.category(char)[0])
        )
    ]
    assert len(differing) <= 16, differing
    assert all(KINDS[attribute(TABLES.kind, char)] == "space" for char in WHITE_SPACE)


def test_lower_case_is_that_of_python_for_characters_python_knows() -> None:
    for char in KNOWN:
        lowered = char.lower()
        point = ord(char)
        mapped = int(TABLES.lower[point]) if point < LOWER_LIMIT else point
        if char == "İ":
            assert mapped == ord("i")
        else:
            assert mapped == ord(lowered), hex(point)


def test_lower_case_of_characters_newer_than_python_is_their_case_pair() -> None:
    if unicode_version() != TABLES.version:
        pytest.skip(f"regex is at Unicode {unicode_version()}, the shipped tables at {TABLES.version}")
    known = {ord(char) for char in KNOWN}
    for point in (TABLES.lower != range(LOWER_LIMIT)).nonzero()[0].tolist():
        if point not in known:
            char, lowered = chr(point), chr(TABLES.lower[point])
            assert regex.fullmatch(r"\p{Lu}", char), hex(point)
            assert regex.fullmatch(r"\p{Ll}", lowered), hex(point)
            assert regex.fullmatch(lowered, char, regex.IGNORECASE), hex(point)


def test_lowering_twice_is_lowering_once() -> None:
    assert (TABLES.lower[TABLES.lower] == TABLES.lower).all()


def test_quick_check_and_combining_class_agree_with_python() -> None:
    for char in KNOWN:
        point = ord(char)
        assert TABLES.combining[point] == unicodedata.combining(char)
        for bit, form in enumerate(NORMAL_FORMS):
            if not TABLES.quick_check[point] >> bit & 1:
                assert unicodedata.normalize(form, char) == char, (hex(point), form)


def test_scripts_of_letters() -> None:
    expected = {"a": "latin", "é": "latin", "Ж": "cyrillic", "Σ": "greek", "ع": "arabic", "ש": "hebrew"}
    expected |= {"汉": "han", "々": "han", "〇": "han", "𠀀": "han", "の": "kana", "カ": "kana", "ー": "kana"}
    expected |= {"ﾊ": "kana", "가": "hangul", "ㄅ": "bopomofo", "ก": "thai", "अ": "devanagari", "Ꭰ": "other"}
    expected |= {"𝐀": "other"}
    for char, script in expected.items():
        assert SCRIPTS[attribute(TABLES.script, char)] == script, char
    for char in "1 .，\u0301👨\x00":
        assert attribute(TABLES.script, char) == SCRIPT_NONE, char


def test_all_classes_are_used_and_the_last_is_free() -> None:
    assert int(TABLES.class_of.max()) < 255
    assert len(TABLES.class_of) == 0x110000
    assert int(TABLES.word_break.max()) == len(BREAKS) - 1


def test_tables_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        TABLES.class_of[0] = 1


def test_word_break_agrees_with_regex_on_the_alphabet() -> None:
    names = {
        "RI": "regional_indicator",
        "Hebrew": "hebrew_letter",
        "SQ": "single_quote",
        "DQ": "double_quote",
    }
    names |= {
        "MidNumLet": "mid_num_let",
        "MidLetter": "mid_letter",
        "MidNum": "mid_num",
        "Space": "wsegspace",
    }
    names |= {"ExtendNumLet": "extend_num_let"}
    for char in ALPHABET:
        value = word_break(char)
        assert BREAKS[attribute(TABLES.word_break, char)] == names.get(value, value.lower()), hex(ord(char))


def test_tables_are_those_of_the_installed_regex() -> None:
    if unicode_version() != TABLES.version:
        pytest.skip(f"regex is at Unicode {unicode_version()}, the shipped tables at {TABLES.version}")
    text = "".join(map(chr, range(0x110000)))
    for index, kind in enumerate(KINDS[1:6], start=1):
        category = next(c for c, name in KIND_OF_CATEGORY.items() if name == kind)
        members = {ord(char) for char in regex.findall(rf"\p{{{category}}}", text)}
        assert members == {int(p) for p in (TABLES.kind[TABLES.class_of] == index).nonzero()[0]}, kind
