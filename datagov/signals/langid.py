"""py3langid's model over a whole batch: a finite automaton over UTF-8 bytes, then naive Bayes.

The library classifies one text a call and walks its bytes in Python. Here its tables are read once and a
kernel does the same for all texts. Sums are float64, made in a fixed order by operations whose results
IEEE 754 fixes, so that they are the same on every CPU; the library's are float32, and its probabilities
agree with these to about five decimals.

Source
------
py3langid 0.4, github.com/adbar/py3langid, py3langid/langid.py (LanguageIdentifier, norm_probs=True).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagov.signals.entropy import TABLE_SIZE, product_table, product_with_log
from datagov.signals.langid_model import STEPS, LanguageModel, tables_of
from datagov.text.kernel import inline_kernel, kernel
from datagov.text.normal import normalise
from datagov.text.tables import LOWER_LIMIT, unicode_tables
from datagov.text.utf8 import byte_view, encode_rows

__all__ = ["beginnings", "classify", "exponential", "warm_langid"]

TERMS: Final = 20
"""Terms of the exponential's series; between -ln 2 and 0 the next would be below 1e-21."""
LN_2: Final = 0.6931471805599453
NOTHING: Final = -700.0
"""The exponential of less is nothing beside 1."""


@kernel
def beginnings(
    points: npt.NDArray[np.uint32], offsets: npt.NDArray[np.int64], most: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Return the first `most` code points of each document, end to end, and where each begins there."""
    cut = np.zeros(offsets.size, np.int64)
    for row in range(offsets.size - 1):
        cut[row + 1] = cut[row] + min(offsets[row + 1] - offsets[row], most)
    kept = np.empty(cut[-1], np.uint32)
    for row in range(offsets.size - 1):
        kept[cut[row] : cut[row + 1]] = points[offsets[row] : offsets[row] + cut[row + 1] - cut[row]]
    return kept, cut


@inline_kernel
def exponential(x: float) -> float:
    """Return e to the power of x <= 0 by additions, multiplications and divisions alone."""
    if x < NOTHING:
        return 0.0
    halvings = np.int64(-x / LN_2)
    rest = x + halvings * LN_2
    series = 1.0
    for term in range(TERMS, 0, -1):
        series = 1.0 + series * rest / term
    for _ in range(halvings):
        series *= 0.5
    return series


@kernel
def shouting(
    points: npt.NDArray[np.uint32], offsets: npt.NDArray[np.int64], lower: npt.NDArray[np.uint32]
) -> npt.NDArray[np.bool_]:
    """bool[N]: rows with a character that has a lower case, and none of a to z."""
    found = np.zeros(offsets.shape[0] - 1, np.bool_)
    for row in range(offsets.shape[0] - 1):
        for point in points[offsets[row] : offsets[row + 1]]:
            if 0x61 <= point <= 0x7A:
                found[row] = False
                break
            if point < LOWER_LIMIT and lower[point] != point:
                found[row] = True
    return found


@kernel
def score(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    moves: npt.NDArray[np.uint32],
    row_of: npt.NDArray[np.int64],
    feature_of: npt.NDArray[np.int32],
    weight: npt.NDArray[np.int16],
    prior: npt.NDArray[np.float64],
    label_of: npt.NDArray[np.int64],
    products: npt.NDArray[np.float64],
    best: npt.NDArray[np.int64],
    share: npt.NDArray[np.float64],
) -> None:
    """Fill `best` int64[N] and `share` float64[N]; -1 and NaN for a row in which no feature is seen."""
    seen = np.zeros(weight.shape[0], np.int32)
    order = np.empty(weight.shape[0], np.int64)
    sums = np.empty(prior.size, np.float64)
    probability = np.empty(prior.size, np.float64)
    for row in range(offsets.shape[0] - 1):
        state = 0
        found = 0
        for byte in data[offsets[row] : offsets[row + 1]]:
            state = int(moves[row_of[state], byte])
            feature = feature_of[state]
            if feature >= 0:
                if seen[feature] == 0:
                    order[found] = feature
                    found += 1
                seen[feature] += 1
        best[row] = -1
        share[row] = np.nan
        if found == 0:
            continue
        sums[:] = 0.0
        for at in range(found):
            feature = order[at]
            more = np.int64(seen[feature]) + 1
            seen[feature] = 0
            # log(1 + count), as the library damps counts.
            factor = (products[more] if more < TABLE_SIZE else product_with_log(more)) / more
            for column in range(sums.size):
                sums[column] += factor * weight[feature, column]
        # The library's temperature: the square root of the bytes keeps long texts from being certain of all.
        damping = np.sqrt(np.float64(offsets[row + 1] - offsets[row]))
        highest = -np.inf
        for column in range(sums.size):
            sums[column] = (sums[column] / STEPS + prior[column]) / damping
            highest = max(highest, sums[column])
        probability[:] = 0.0
        total = 0.0
        for column in range(sums.size):
            each = exponential(sums[column] - highest)
            probability[label_of[column]] += each
            total += each
        top = np.argmax(probability)
        best[row] = top
        share[row] = probability[top] / total


def classify(
    points: npt.NDArray[np.uint32], offsets: npt.NDArray[np.int64], model: LanguageModel
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return each row's label and how probable the model finds it.

    Parameters
    ----------
    points : uint32[C]
        Unicode scalar values.
    offsets : int64[N+1]
        Row i is `points[offsets[i]:offsets[i+1]]`; the first offset is 0, the last is C.
    model : LanguageModel

    Returns
    -------
    best : int64[N]
        Index into `model.labels`; -1 where the row has no feature of the model.
    share : float64[N]
        Its probability among all labels, in (0, 1]; NaN where `best` is -1.

    Source
    ------
    As the library: a text all in upper case is lowered, the text is brought to NFC, the probabilities of
    classes with one label are added up. It calls a text without a feature Serbian, with 2/142.
    """
    texts = encode_rows(points, offsets)
    rows = np.flatnonzero(shouting(points, offsets, unicode_tables().lower))
    if rows.size:
        listed = texts.take(pa.array(rows)).to_pylist()
        lowered = pa.array([text.lower() if text.isupper() else text for text in listed], pa.large_string())
        mask = np.zeros(len(texts), np.bool_)
        mask[rows] = True
        texts = pc.replace_with_mask(texts, pa.array(mask), lowered)
    texts, _ = normalise(texts, "NFC")
    data, byte_offsets = byte_view(texts)
    best = np.empty(len(texts), np.int64)
    share = np.empty(len(texts), np.float64)
    tables = (model.moves, model.row, model.feature, model.weight, model.prior, model.label)
    score(data, byte_offsets, *tables, product_table(), best, share)
    return best, share


def warm_langid() -> None:
    """Compile the kernels on a model of one state, so that none compiles twice."""
    moves, nothing = np.zeros(256, np.uint32), np.zeros((1, 1))
    model = tables_of(nothing, nothing[0], ["zxx"], moves, moves[:1], [0])
    classify(*beginnings(np.array([0x41], np.uint32), np.array([0, 1]), 1), model)
