"""What is done to a text before it is cut into tokens for a published model."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["cc_net"]

QUOTES: Final = "„”“«»「」《》"
PLAIN: Final = {
    **dict.fromkeys(QUOTES, '"'),
    **dict(zip("，、。：∶；？！（）【】〈〉％～", ",,.::;?!()[]<>%~", strict=True)),
    **dict(zip("´’–━►", "''---", strict=True)),
    "—": " - ",
    "．": ". ",
    "…": "...",
}
DIGIT: Final = re.compile(r"\d")
CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")


class _Mapping(dict[int, str]):
    """What each character becomes, worked out when it is first met."""

    def __missing__(self, point: int) -> str:
        character = chr(point)
        if unicodedata.category(character) == "Mn" or CONTROL.match(character):
            becomes = ""
        else:
            becomes = "0" if DIGIT.match(character) else PLAIN.get(character, character)
        self[point] = becomes
        return becomes


MAPPING: Final = _Mapping()


def cc_net(text: str) -> str:
    """Return a text as cc_net gives it to SentencePiece.

    White space around it goes, letters become lower case, accents (what NFD splits off) go, every digit becomes 0,
    quotes, dashes and Chinese punctuation become ASCII, and controls go: line feeds too, so that a document is one
    sentence.

    Source
    ------
    cc_net (Wenzek et al. 2020, arXiv 1911.00359), cc_net/text_normalizer.py, normalize with its defaults. Its table
    turns a full-width 1 into a quote, which never happens: digits come first.
    """
    return unicodedata.normalize("NFD", text.strip().lower()).translate(MAPPING)
