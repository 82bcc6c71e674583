"""Family distinct_characters@1: how varied the characters of a document are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.signals.entropy import MICRO, TABLE_SIZE, micronats, product_table, product_with_log
from datagov.text.kernel import kernel

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["DISTINCT_CHARACTERS", "measure"]

COLUMNS = ("chars", "distinct_chars", "windowed_chars", "windowed_distinct_chars", "entropy_micronats")

CODE_POINTS = 0x110000


@kernel
def count_distinct(
    code_points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    window: int,
    products: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill `counts` int64[N, 5]; the entropy of an empty document is -1.

    `products` float64[TABLE_SIZE] as `entropy.product_table`. The characters of a document are noted
    in the order in which they first occur, which fixes the order of the sum.
    """
    seen = np.zeros(CODE_POINTS, np.int32)  # occurrences in the document
    seen_in = np.zeros(CODE_POINTS, np.int32)  # the last window, numbered through the batch, that had it
    longest = 1
    for d in range(offsets.size - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    noted = np.empty(min(longest, CODE_POINTS), np.uint32)
    number = np.int32(0)
    for d in range(offsets.size - 1):
        text = code_points[offsets[d] : offsets[d + 1]]
        full = text.size // window
        windowed = full * window if full > 0 else text.size
        distinct = 0
        windowed_distinct = np.int64(0)
        for first in range(0, max(windowed, 1), window):
            number += np.int32(1)
            for at in range(first, min(first + window, windowed)):
                c = text[at]
                if seen_in[c] != number:
                    seen_in[c] = number
                    windowed_distinct += 1
        for c in text:
            if seen[c] == 0:
                noted[distinct] = c
                distinct += 1
            seen[c] += 1
        total = 0.0
        for i in range(distinct):
            c = noted[i]
            count = seen[c]
            seen[c] = 0
            total += products[count] if count < TABLE_SIZE else product_with_log(count)
        counts[d, 0] = text.size
        counts[d, 1] = distinct
        counts[d, 2] = windowed
        counts[d, 3] = windowed_distinct
        counts[d, 4] = micronats(text.size, total) if text.size > 0 else -1


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of distinct_characters@1 for `batch`, all int64, one row a document.

    `chars` and `distinct_chars`; `windowed_chars` in whole windows of `params["window_chars"]` and the
    sum of their distinct characters; `entropy_micronats` (NULL for empty text), over `million`.
    """
    counts = np.empty((batch.n, len(COLUMNS)), np.int64)
    count_distinct(batch.code_points, batch.offsets, params["window_chars"], product_table(), counts)
    columns = {name: pa.array(np.ascontiguousarray(counts[:, at])) for at, name in enumerate(COLUMNS[:4])}
    entropy = np.ascontiguousarray(counts[:, 4])
    columns[COLUMNS[4]] = pa.array(entropy, mask=entropy < 0)
    columns["million"] = pa.array(np.full(batch.n, MICRO, np.int64))
    return pa.RecordBatch.from_pydict(columns)


MAP_CC = "MAP-CC (Du et al. 2024, arXiv 2404.04167), released filter/filter.py, self_defined_rules"
AS_IT_IS = "The script counts in NFKC text after mapping full-width marks to ASCII; here the text is taken as it is. "

DISTINCT_CHARACTERS = SignalFamily(
    name="distinct_characters",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="distinct_char_fraction",
            numerator="distinct_chars",
            denominator="chars",
            unit="characters over characters",
            formula=(
                "Different code points of the text over all of them, white space included. It falls with length: "
                "a lower limit of 0.1 caps ordinary Chinese text at some ten thousand characters. See "
                "`windowed_distinct_char_fraction`."
            ),
            value_range=(0.0, 1.0),
            null_when="empty text",
            source=f"{MAP_CC}, rule 11",
            differs=AS_IT_IS,
        ),
        RuleInfo(
            name="windowed_distinct_char_fraction",
            numerator="windowed_distinct_chars",
            denominator="windowed_chars",
            unit="characters over characters",
            formula=(
                "The text is cut into windows of `window_chars` (1000) code points, an incomplete last one left "
                "out; the different code points of each window, added up, over the code points of all windows. A "
                "shorter text is one window. Above that length it does not fall with length."
            ),
            value_range=(0.0, 1.0),
            null_when="empty text",
            source="Mean segmental type-token ratio, Johnson 1944, Psychological Monographs 56(2)",
            differs="On characters instead of words.",
        ),
        RuleInfo(
            name="char_entropy",
            numerator="entropy_micronats",
            denominator="million",
            unit="nats per character",
            formula=(
                "Entropy (natural logarithm) of the distribution of code points in the text, white space "
                "included, rounded to a millionth of a nat."
            ),
            value_range=(0.0, None),
            null_when="empty text",
            source=f"{MAP_CC}, rule 12",
            differs=AS_IT_IS,
        ),
    ),
    defaults={"window_chars": 1000},
)
