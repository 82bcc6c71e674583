"""What a run should decide, in plain Python over whole texts; slow, and independent of the kernels."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import pyarrow as pa
import regex

from datagov.policy import values
from datagov.signals import family, family_of_rule
from datagov.signals.script import script
from datagov.text.batch import TextBatch

__all__ = [
    "edited",
    "filter_reasons",
    "jaccard",
    "kept_by_exact",
    "kept_by_near",
    "links",
    "shingles",
    "tokens",
]

ALONE = regex.compile(r"\p{WB=Katakana}|[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}--\P{WB=ALetter}]", regex.V1)
BOUNDARY = regex.compile(r"\b", regex.V1 | regex.WORD)
COUNTED = regex.compile(r"[\p{L}\p{N}]")


def edited(text: str, form: str = "NFC") -> str:
    """The text after `normalise: {form: NFC, strip_control: true}`."""
    kept = (
        char for char in text if char in "\t\n\r" or (unicodedata.category(char) != "Cc" and char != "\ufeff")
    )
    return unicodedata.normalize(form, "".join(kept))


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[str, ...]:
    """Words in lower case, and every Han or kana character for itself (uax29-lower@1)."""
    told_apart = ALONE.sub("字", text)
    found, at = [], 0
    for piece in BOUNDARY.split(told_apart):
        token = text[at : at + len(piece)]
        at += len(piece)
        if COUNTED.search(token):
            found.append("".join(char.lower()[0] for char in token))
    return tuple(found)


@lru_cache(maxsize=4096)
def shingles(text: str, k: int) -> frozenset[tuple[str, ...]]:
    """The set of runs of `k` tokens; a shorter text is one run, one without tokens none."""
    found = tokens(text)
    if not found:
        return frozenset()
    return frozenset(found[at : at + k] for at in range(max(len(found) - k, 0) + 1))


def jaccard(a: frozenset[Any], b: frozenset[Any]) -> Fraction:
    """Intersection over union."""
    return Fraction(len(a & b), len(a | b)) if a or b else Fraction(0)


def kept_by_exact(texts: Mapping[str, str], order: Sequence[str]) -> set[str]:
    """Keys of `texts` that are left when the first of equal texts, in `order`, is kept."""
    seen: set[str] = set()
    kept = set()
    for key in order:
        if texts[key].strip() and texts[key] in seen:
            continue
        seen.add(texts[key])
        kept.add(key)
    return kept


def kept_by_near(texts: Mapping[str, str], order: Sequence[str], *, k: int, threshold: Fraction) -> set[str]:
    """Keys of `texts` that are left when each, in `order`, goes if a kept one is that similar."""
    kept: list[str] = []
    for key in order:
        own = shingles(texts[key], k)
        if not own or all(jaccard(own, shingles(texts[other], k)) < threshold for other in kept):
            kept.append(key)
    return set(kept)


def filter_reasons(step: Mapping[str, Any], text: str) -> list[tuple[Any, ...]]:
    """Every bound of a resolved filter step that one text crosses; none if the filter does not speak of it.

    Signals are measured by the families under test, on this text alone; everything that is decided
    with them is decided here again.
    """
    batch = TextBatch(pa.array([text], pa.large_string()))
    if step["when"] is not None and script(batch)[0].as_py() not in step["when"]:
        return []
    params = {entry["family"]: entry["params"] for entry in step["families"]}
    counts = {name: family(name).measure(batch, given) for name, given in params.items()}
    found = []
    for bound in step["bounds"]:
        kind, rule = family_of_rule(bound["signal"])
        value = values(counts[kind.id], [rule])[rule.name][0].as_py()
        lowest = -math.inf if bound["min"] is None else bound["min"]
        highest = math.inf if bound["max"] is None else bound["max"]
        crossed: tuple[Any, ...] | None = None
        if value is None:
            crossed = (None, "missing", None) if bound["missing"] == "drop" else None
        elif value < lowest:
            crossed = (value, "min", lowest)
        elif value > highest:
            crossed = (value, "max", highest)
        if crossed is not None:
            found.append((step["name"], bound["signal"], *crossed, step["annotate"]))
    return found


def covered(steps: Sequence[Mapping[str, Any]], text: str) -> bool:
    """Whether one of some filters with `when` speaks of a text."""
    batch = TextBatch(pa.array([text], pa.large_string()))
    return any(script(batch)[0].as_py() in step["when"] for step in steps)


def links(decisions: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str | None, bool, int | None]]:
    """Follow keepers to their end: own id -> (survivor, orphaned, cluster size)."""
    ends = {}
    for key in decisions:
        end = key
        while decisions[end]["keeper"] is not None:
            end = decisions[end]["keeper"]
        ends[key] = end
    sizes: dict[str, int] = {}
    for end in ends.values():
        sizes[end] = sizes.get(end, 0) + 1
    found: dict[str, tuple[str | None, bool, int | None]] = {}
    for key, end in ends.items():
        size = sizes[end] if sizes[end] > 1 else None
        if key == end:
            found[key] = (None, False, size)
        else:
            lives = decisions[end]["action"] == "keep"
            found[key] = (end if lives else None, not lives, size)
    return found
