"""The tokens that are forced: those the tokenizer knows, each with what kind of token it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from datagov.tokenizer import Tokenizer

__all__ = ["KINDS", "Seeds", "vocabulary_seeds"]

KINDS = ("text", "special", "byte", "fragment", "unreachable")
"""`text`: encoding its text gives it back; `special`: marks ends, turns and the like; `byte`: one byte that is no
character by itself; `fragment`: several of those; `unreachable`: encoding its text gives other tokens, so that text
never holds it there."""
BYTE_NAME = re.compile(r"<0x[0-9A-F]{2}>")
REPLACEMENT = "\ufffd"


@dataclass(frozen=True)
class Seeds:
    """N tokens, ascending. Rows of the output layer beyond the tokenizer, and ids it does not use, are not among them."""

    token_N: npt.NDArray[np.int32]
    kind: list[str]
    """One of `KINDS` each."""
    name: list[str]
    """As the vocabulary spells it."""

    def __len__(self) -> int:
        return len(self.token_N)

    def counts(self) -> dict[str, int]:
        """Return how many tokens there are of each kind."""
        return {kind: self.kind.count(kind) for kind in KINDS}


def vocabulary_seeds(tokenizer: Tokenizer) -> Seeds:
    """Return every token of a tokenizer."""
    spelled = {token: name for name, token in tokenizer.backend.get_vocab(with_added_tokens=True).items()}
    tokens = sorted(spelled)
    special = {
        token for token, added in tokenizer.backend.get_added_tokens_decoder().items() if added.special
    }
    texts = tokenizer.backend.decode_batch([[token] for token in tokens], skip_special_tokens=False)
    offsets, ids = tokenizer.encode(texts)
    kinds = []
    for row, token in enumerate(tokens):
        again = ids[offsets[row] : offsets[row + 1]]
        if token in special:
            kinds.append("special")
        elif len(again) == 1 and again[0] == token:
            kinds.append("text")
        elif BYTE_NAME.fullmatch(spelled[token]):
            kinds.append("byte")
        elif REPLACEMENT in texts[row]:
            kinds.append("byte" if len(spelled[token]) == 1 else "fragment")
        else:
            kinds.append("unreachable")
    return Seeds(np.array(tokens, np.int32), kinds, [spelled[token] for token in tokens])
