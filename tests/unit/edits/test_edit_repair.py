"""The edit `repair` against ftfy on whole documents; and the lines it does not give to ftfy."""

from __future__ import annotations

from typing import Any

import ftfy
from edit_checks import batch, run
from examples import examples
from ftfy.badness import BADNESS_RE, MOJIBAKE_CATEGORIES
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.edits.repair import lines_in_question

OPTIONS: dict[str, Any] = {
    "fix_encoding": True,
    "restore_byte_a0": True,
    "replace_lossy_sequences": True,
    "decode_inconsistent_utf8": True,
    "fix_c1_controls": True,
    "unescape_html": "auto",
    "remove_terminal_escapes": True,
    "fix_line_breaks": True,
    "remove_control_chars": True,
    "fix_latin_ligatures": False,
    "fix_character_width": False,
    "uncurl_quotes": False,
}
broken = st.text(max_size=6).map(lambda text: text.encode("utf-8", "ignore").decode("cp1252", "replace"))
literal = sorted({character for character in BADNESS_RE.pattern if character > "\x7f"})
suspicious = st.text(st.sampled_from([*literal, *"aZ .,!?x1\xa0Ââ€œ™ÃŒœВГ"]), max_size=6)
others = st.sampled_from(
    ["&amp;", "&LT;", "&#39;", "&", "<b>", "\n", "\r\n", "\r", "\x1b[31m", "\x07", "\x85", "\u2028", "ﬁ", "Ａ",
     "“x”", "……", "——", "中文，", "\ufeff", "\ufffd", "&hellip;", " "]
)  # fmt: skip
texts = st.lists(st.one_of(broken, suspicious, others), max_size=8).map("".join)
switches = st.fixed_dictionaries(
    {
        name: st.sampled_from(["auto", True, False]) if value == "auto" else st.booleans()
        for name, value in OPTIONS.items()
    }
)


def oracle(text: str, options: dict[str, Any]) -> str:
    return ftfy.fix_text(text, ftfy.TextFixerConfig(**options, normalization=None, explain=False))


def sound(text: str) -> bool:
    return not any(0xD800 <= ord(character) < 0xE000 for character in text)


@settings(max_examples=examples(250))
@given(st.lists(texts.filter(sound), min_size=1, max_size=3), st.one_of(st.just(OPTIONS), switches))
def test_repair_is_ftfy_on_the_whole_text(documents: list[str], options: dict[str, Any]) -> None:
    expected = [oracle(text, options) for text in documents]
    done = run("repair", documents, **options)
    assert done.texts.to_pylist() == expected


CHARACTERS = sorted(
    {c for ranges in MOJIBAKE_CATEGORIES.values() for c in ranges if c > "\x7f"} | set(literal)
)


@settings(max_examples=examples(600))
@given(st.text(st.sampled_from([*CHARACTERS, *"aZ .9"]), min_size=1, max_size=5))
def test_a_line_ftfy_finds_bad_is_never_passed_over(text: str) -> None:
    flagged, _ = lines_in_question(batch([text]), OPTIONS)
    assert flagged.any() or not BADNESS_RE.search(text)


def test_ordinary_text_is_not_given_to_ftfy() -> None:
    documents = [
        "“你好”——他说……",
        "It’s a “fine” day – really… R&D at 5 < 6.",
        "naïve café déjà vu",
        "価格は１００円。",
    ]
    flagged, _ = lines_in_question(batch(documents), OPTIONS)
    assert not flagged.any()


def test_lines_are_counted_and_the_others_stay() -> None:
    documents = ["schÃ¶n\nfine line\nâ€œquotedâ€\x9d", "<b>\n&amp;", "&amp;\n<b>"]
    done = run("repair", documents)
    assert done.texts.to_pylist() == ["schön\nfine line\n“quoted”", "<b>\n&amp;", "&\n<b>"]
    assert done.changes.column("lines_repaired").to_pylist() == [2, 0, 1]


def test_character_width_and_quotes_stay_unless_asked_for() -> None:
    text = "ＡＢＣ，“ﬁne”"
    assert run("repair", [text]).texts.to_pylist() == [text]
    all_on = run("repair", [text], fix_character_width=True, uncurl_quotes=True, fix_latin_ligatures=True)
    assert all_on.texts.to_pylist() == ['ABC,"fine"']
