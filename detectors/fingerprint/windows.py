"""The pieces of a string that are looked up in a corpus: the text of every few tokens in a row."""

from __future__ import annotations

from collections.abc import Sequence

from datagov.tokenizer import Tokenizer

__all__ = ["WINDOW_TOKENS", "whole_characters", "windows_of"]

WINDOW_TOKENS = 5
"""Tokens of a window; fewer stand in any corpus by chance."""
CUT = "\N{REPLACEMENT CHARACTER}"
"""What a tokenizer makes of bytes that are no whole character."""


def whole_characters(text: str) -> str | None:
    """Return decoded text without the characters that its ends cut; None where no text is left, or it is cut inside."""
    kept = text.strip(CUT)
    return kept if kept and CUT not in kept else None


def windows_of(token_ids: Sequence[int], tokenizer: Tokenizer) -> list[str | None]:
    """Return the text of each window of a string, from the first token on; a shorter string is one window.

    See `whole_characters` for what is cut.
    """
    count = max(1, len(token_ids) - WINDOW_TOKENS + 1)
    return [whole_characters(tokenizer.decode(token_ids[at : at + WINDOW_TOKENS])) for at in range(count)]
