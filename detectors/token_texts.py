"""What is shown of each token of a text: a character may take several of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

__all__ = ["PART", "shown_tokens"]

BROKEN: Final = "\ufffd"
PART: Final = "\u22ef"
"""Stands for a token that ends within a character: the token that completes it has the character."""
LONGEST: Final = 4
"""Bytes of a character in UTF-8, and so most tokens that hold one."""


def shown_tokens(decode: Callable[[Sequence[int]], str], token_ids: Sequence[int]) -> list[str]:
    """Return what each token adds to the text of those before it, or `PART` where the next tokens hold the rest of a character.

    The last token of a character shows it whole. Of what never becomes whole, every token shows what it decodes to.

    Parameters
    ----------
    decode : callable
        Text of some tokens; bytes that are not UTF-8 become U+FFFD.
    token_ids : sequence of int
        One text's.
    """
    shown: list[str] = []
    before: list[int] = []
    group: list[int] = []
    for token in token_ids:
        group.append(token)
        # Behind the tokens before it: what a tokenizer writes as a space may be none at the beginning of a text.
        text = decode([*before, *group])
        if not text.endswith(BROKEN):
            shown += [*[PART] * (len(group) - 1), text[len(decode(before)) :]]
            before = group
        elif len(group) == LONGEST:
            shown += [decode([each]) for each in group]
            before = []
        else:
            continue
        group = []
    return [*shown, *(decode([each]) for each in group)]
