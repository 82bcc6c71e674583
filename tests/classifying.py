"""Small classifiers with weights one can see, and what they say of a text, in plain Python."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from datagov.classifiers.card import CARD, NGrams
from datagov.classifiers.linear import FREQUENCIES, Linear, write_weights
from datagov.classifiers.saving import save
from datagov.classifiers.tables import tables_of
from datagov.text.hashing import FINISH_1, FINISH_2, MARK, STEP
from datagov.text.tables import kind_index, unicode_tables

FREQUENCY = np.concatenate([[0.0], 1 + np.log(np.arange(1, FREQUENCIES))])
FEATURES = NGrams(chars=(1, 3), words=0)
WORD_STATE = 0x9E3779B97F4A7C15


def write_classifier(
    folder: Path,
    weights: Mapping[str, float],
    *,
    bias: float = 0.0,
    labels: tuple[str, ...] = ("no", "yes"),
    **fields: Any,
) -> Path:
    """Write a linear classifier of two labels that weighs these n-grams; return its card's path.

    Its raw output from -1 to 1 is a probability from 0 to 1 along a straight line.
    """
    keys = np.array([key_of(ngram) for ngram in weights], np.uint64)
    columns = np.array([[weight] for weight in weights.values()], np.float32)
    linear = Linear(keys, columns, np.ones(len(keys), np.float32), np.array([bias]), FREQUENCY)
    line = {"raw": [-1.0, 1.0], "millionths": [0, 1_000_000]}
    card = {
        "datagov_classifier": 1,
        "name": folder.name,
        "labels": list(labels),
        "positive": labels[-1],
        "reading": FEATURES,
        "tables": tables_of(FEATURES),
        "calibration": {labels[-1]: line},
        "training": {},
        "evaluation": {},
    }
    save(folder, "weights.npz", lambda path: write_weights(path, linear), card | fields)
    return folder / CARD


def key_of(ngram: str, state: int = 0) -> int:
    """The key of an n-gram of characters; of a word n-gram, words joined by spaces, with WORD_STATE."""
    mask = (1 << 64) - 1
    for char in ngram:
        state = (state ^ (ord(char) | int(MARK))) * int(STEP) & mask
    state = (state ^ (state >> 32)) * int(FINISH_1) & mask
    state = (state ^ (state >> 32)) * int(FINISH_2) & mask
    return (state ^ (state >> 32)) | 1


def lowered(text: str) -> str:
    """Letters in lower case one to one, each run of white space one space, one before and after."""
    tables = unicode_tables()
    spaced = "".join(" " if tables.kind[tables.class_of[ord(c)]] == kind_index("space") else c for c in text)
    small = "".join(chr(tables.lower[ord(c)]) if ord(c) < tables.lower.size else c for c in spaced)
    return f" {' '.join(part for part in small.split(' ') if part)} "


def ngrams(text: str, features: NGrams, words: list[str]) -> Iterator[tuple[int, str]]:
    """The key of each n-gram of a text, and the n-gram; `words` are those of the text, as written."""
    plain = lowered(text)
    if not plain.strip(" "):
        return
    smallest, largest = features.chars or (1, 0)
    for size in range(smallest, largest + 1):
        for at in range(len(plain) - size + 1):
            yield key_of(plain[at : at + size]), plain[at : at + size]
    for size in range(1, features.words + 1):
        for at in range(len(words) - size + 1):
            joined = " ".join(lowered(word)[1:-1] for word in words[at : at + size])
            yield key_of(joined, WORD_STATE), joined


def counted(text: str, features: NGrams, words: list[str] = []) -> Counter[int]:  # noqa: B006 - not changed
    """How often each key occurs in a text."""
    return Counter(key for key, _ in ngrams(text, features, words))


def margin(counts: Mapping[int, int], linear: Linear) -> float | None:
    """What a linear classifier of one output says of these features."""
    if not counts:
        return None
    place = {key: at for at, key in enumerate(linear.keys.tolist())}
    value = {
        place[key]: linear.frequency[min(count, FREQUENCIES - 1)] * float(linear.rarity[place[key]])
        for key, count in counts.items()
        if key in place
    }
    length = math.sqrt(sum(each * each for each in value.values()))
    total = sum(each * float(linear.weights[at, 0]) for at, each in value.items())
    return (total / length if length else 0.0) + float(linear.bias[0])
