"""Phrases that give away a line which is not part of the text, and finding them in lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from datagov.text.kernel import kernel

__all__ = ["GROUPS", "PhraseGroup", "find"]

Place = Literal["anywhere", "start", "end", "whole"]
PLACES: Final[tuple[Place, ...]] = ("anywhere", "start", "end", "whole")


@dataclass(frozen=True)
class PhraseGroup:
    """Phrases, and where in a line each must stand; upper and lower case are one."""

    where: Place
    """`anywhere`, at the `start`, at the `end`, or the `whole` line; for the last two, arrows and
    brackets at the line's end are passed over."""
    phrases: tuple[str, ...]
    most_words: int | None = None
    """Only in lines of at most so many words."""
    source: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return what decides which lines the group finds."""
        return {"where": self.where, "phrases": list(self.phrases), "most_words": self.most_words}


C4 = "Raffel et al. 2020, arXiv 1910.10683, section on C4; phrases as in datatrove 0.10.1 c4_filters.py"
REFINEDWEB = "Penedo et al. 2023, arXiv 2306.01116, line-wise corrections; phrases as reproduced by DCLM"
OURS = "datagov: lines left by page templates; look at `spans` before trusting them on a new corpus"

GROUPS: Final[Mapping[str, PhraseGroup]] = MappingProxyType(
    {
        "javascript": PhraseGroup("anywhere", ("javascript",), source=C4),
        "policy": PhraseGroup(
            "anywhere",
            (
                "terms of use",
                "privacy policy",
                "cookie policy",
                "uses cookies",
                "use of cookies",
                "use cookies",
            ),
            source=C4,
        ),
        "cart": PhraseGroup("anywhere", ("items in cart",), 10, REFINEDWEB),
        "sign_in": PhraseGroup("start", ("sign-in", "sign in"), 10, REFINEDWEB),
        "read_more": PhraseGroup(
            "end",
            (
                "readmore",
                "read more",
                "read more...",
                "show more",
                "show more...",
                "查看更多",
                "了解更多",
                "展开全文",
                "展開全文",
                "阅读全文",
                "閱讀全文",
            ),
            10,
            "MAP-CC, arXiv 2404.04167, released scripts (readmore) and RefinedWeb (Read more...); others ours",
        ),
        "expand": PhraseGroup(
            "whole",
            ("展开", "展開", "更多", "more", "more..."),
            source="MAP-CC, arXiv 2404.04167, released scripts, which count lines that only end in 展开 or 更多; "
            "so do sentences (不能同意更多), wherefore here they must be the whole line",
        ),
        "cookies": PhraseGroup(
            "anywhere",
            (
                "accept cookies",
                "accept all cookies",
                "cookie settings",
                "cookie preferences",
                "cookie 政策",
                "cookie政策",
                "本网站使用 cookie",
                "本网站使用cookie",
                "本站使用 cookie",
                "本站使用cookie",
                "接受所有 cookie",
                "接受所有cookie",
            ),
            40,
            OURS,
        ),
        "copyright": PhraseGroup(
            "anywhere",
            (
                "all rights reserved",
                "copyright ©",
                "copyright (c)",
                "版权所有",
                "版權所有",
                "保留所有权利",
                "保留一切权利",
                "未经许可不得转载",
                "未经授权禁止转载",
            ),
            30,
            OURS,
        ),
        "copyright_sign": PhraseGroup("start", ("©", "(c) 19", "(c) 20"), 30, OURS),
    }
)
"""Groups by name, which is also the rule's name in the ledger."""

PASSED_OVER: Final = "…>»›→▼▾↓+[]()（）【】《》"
"""Characters passed over after a phrase at the `end` of a line or on the `whole` of it. Full stops are not
among them: `I want to read more.` is a sentence."""

BUCKETS: Final = 0x10000


def _packed(phrases: Sequence[str]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Code points of lower-cased phrases end to end, and where each begins."""
    lowered = [phrase.lower() for phrase in phrases]
    points = np.array([ord(character) for character in "".join(lowered)], np.uint32)
    return points, np.cumsum([0, *map(len, lowered)]).astype(np.int64)


@kernel
def _stands_at(
    points: npt.NDArray[np.uint32],
    at: int,
    end: int,
    phrases: npt.NDArray[np.uint32],
    first: int,
    last: int,
) -> bool:
    """Whether `points[at:end]` begins with `phrases[first:last]`."""
    if end - at < last - first:
        return False
    k = 0
    while k < last - first and points[at + k] == phrases[first + k]:
        k += 1
    return k == last - first


@kernel
def _find(
    points: npt.NDArray[np.uint32],
    start: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    phrases: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    place: int,
    begins: npt.NDArray[np.uint8],
    passed_over: npt.NDArray[np.uint8],
    found: npt.NDArray[np.bool_],
) -> None:
    """Mark the lines in which a phrase stands at its place (index into PLACES)."""
    for line in range(start.shape[0]):
        first, last = start[line], end[line]
        if place >= 2:
            while last > first and (
                points[last - 1] == 0x20 or (points[last - 1] < BUCKETS and passed_over[points[last - 1]])
            ):
                last -= 1
        if place == 0:
            for at in range(first, last):
                if begins[points[at] & (BUCKETS - 1)] == 0:
                    continue
                for phrase in range(offsets.shape[0] - 1):
                    if _stands_at(points, at, last, phrases, offsets[phrase], offsets[phrase + 1]):
                        found[line] = True
                        break
                if found[line]:
                    break
            continue
        for phrase in range(offsets.shape[0] - 1):
            size = offsets[phrase + 1] - offsets[phrase]
            at = last - size if place == 2 else first
            if at < first or (place == 3 and last - first != size):
                continue
            if _stands_at(points, at, last, phrases, offsets[phrase], offsets[phrase + 1]):
                found[line] = True
                break


def find(
    points: npt.NDArray[np.uint32],
    start: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    phrases: Sequence[str],
    where: Place,
) -> npt.NDArray[np.bool_]:
    """Return bool[L]: lines that hold one of the phrases at its place.

    Parameters
    ----------
    points : uint32[P]
        Lines in lower case.
    start, end : int64[L]
        Each line without the white space around it.
    phrases : sequence of str
        None empty.
    where : str
    """
    packed, offsets = _packed(phrases)
    begins = np.zeros(BUCKETS, np.uint8)
    begins[packed[offsets[:-1]] & (BUCKETS - 1)] = 1
    passed_over = np.zeros(BUCKETS, np.uint8)
    passed_over[[ord(character) for character in PASSED_OVER]] = 1
    found = np.zeros(len(start), np.bool_)
    _find(points, start, end, packed, offsets, PLACES.index(where), begins, passed_over, found)
    return found
