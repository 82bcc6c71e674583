from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import UUID

from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov import terminal

if TYPE_CHECKING:
    import pytest

ANY_TEXT = st.text(st.characters())


def allowed(character: str, *, lines: bool) -> bool:
    if lines and character in "\n\t":
        return True
    code = ord(character)
    bidi = code in {0x61C, 0x200E, 0x200F} or 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069
    return not (code < 32 or 127 <= code < 160 or bidi or code in {0x2028, 0x2029, 0xFEFF})


@settings(max_examples=examples(150))
@given(ANY_TEXT, st.booleans())
def test_safe_text_can_drive_no_terminal(text: str, lines: bool) -> None:
    assert all(allowed(character, lines=lines) for character in terminal.safe(text, lines=lines))


@settings(max_examples=examples(50))
@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert terminal.safe(text) == text


def test_surrogates_of_odd_arguments_are_escaped() -> None:
    assert terminal.safe("\udc80") == r"\udc80"


def test_json_keeps_the_characters_and_escapes_them(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"text": "\x1b[2J\x9b\x7f\u202e中文\U000e0041\n\t", "n": 2**80}
    terminal.print_json(value)
    printed = capsys.readouterr().out
    assert json.loads(printed) == value
    assert "中文" in printed
    assert all(allowed(character, lines=True) for character in printed)


def test_json_holds_what_a_query_may_return(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"id": UUID(int=1), "bytes": b"\x01", "nan": float("nan"), "list": (1, None), 3: True}
    terminal.print_json(value)
    assert json.loads(capsys.readouterr().out) == {
        "id": "0" * 31 + "1",
        "bytes": "01",
        "nan": "nan",
        "list": [1, None],
        "3": True,
    }


def test_a_table_in_a_pipe_is_tab_separated(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_table(("a", "b"), [(1.5, "x\ty\n"), (None, 2.0)])
    assert capsys.readouterr().out == "a\tb\n1.5\tx\\ty\\n\n\t2\n"


def test_a_table_on_a_terminal_shows_markup_as_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    terminal.print_table(("a[b]", "n"), [("[red]x[/red]:smile:\x1b[31m", 1)])
    printed = capsys.readouterr().out
    assert r"[red]x[/red]:smile:\x1b[31m" in printed
    assert "\x1b[31m" not in printed
