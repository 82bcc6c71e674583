"""What can be seen of a text without a model: its words, characters, years, length, and how well it compresses."""

from __future__ import annotations

import re
import zlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.dedup.shingle import shingle_hashes
from datagov.text.batch import TextBatch

__all__ = ["similarity"]

YEAR: Final = re.compile(r"(?<!\d)(?:1[89]|20)\d\d(?!\d)")
MOST_CHARS = 20_000
"""Characters of a text that are looked at."""
COLUMNS = 1 << 20
WORDS = (1, 2)
CHARACTERS = (2, 4)


def similarity(
    texts: pa.LargeStringArray, dates: npt.NDArray[np.float64] | None = None
) -> npt.NDArray[np.float64]:
    """Return the inner products of N texts' features, float64[N, N]: the mean of the blocks, about 1 on the diagonal.

    TF-IDF of words and pairs of words (single characters of Han), TF-IDF of 2 and 4 characters, what is measured
    of the whole text (`_measures`), and when it is from where that is known. No label is seen.

    Parameters
    ----------
    texts : large_string[N]
    dates : float64[N] or None
        Time of each text in years; NaN where it has none.
    """
    batch = TextBatch(texts)
    words = _tfidf([shingle_hashes(batch.tokens.hash, batch.tokens.offsets, k=k) for k in WORDS])
    points = batch.code_points.astype(np.uint64)
    characters = _tfidf([shingle_hashes(points, batch.offsets, k=k) for k in CHARACTERS])
    measured = [_scaled(_measures(texts.to_pylist()))]
    if dates is not None:
        measured.append(_scaled(np.column_stack([dates, ~np.isnan(dates)])))
    blocks = [(words @ words.T).toarray(), (characters @ characters.T).toarray()]
    blocks += [columns @ columns.T for columns in measured]
    centred = [_centre(block) for block in blocks]
    return np.mean(centred, axis=0)


def _tfidf(grams: list[tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]]) -> Any:
    """Return rows of unit length, sparse [N, columns]: 1 + ln(count) times the inverse document frequency."""
    from scipy.sparse import csr_array, hstack  # noqa: PLC0415 - loaded where texts are compared
    from sklearn.feature_extraction.text import TfidfTransformer  # noqa: PLC0415 - the same

    counted = []
    for hashes, offsets in grams:
        columns = (hashes % np.uint64(COLUMNS)).astype(np.int64)
        table = csr_array(
            (np.ones(len(columns)), columns, offsets), shape=(len(offsets) - 1, COLUMNS), dtype=np.float64
        )
        table.sum_duplicates()
        counted.append(table)
    return TfidfTransformer(sublinear_tf=True).fit_transform(hstack(counted, format="csr"))


def _measures(texts: list[str]) -> npt.NDArray[np.float64]:
    """Return float64[N, M].

    Characters, UTF-8 bytes a character, bytes over zlib's bytes, share of digits, line feeds and spaces, and the
    largest and the mean year named (NaN where a text names none, which is a column of its own).
    """
    rows = np.empty((len(texts), 9))
    for row, text in enumerate(texts):
        shown = text[:MOST_CHARS]
        raw = shown.encode()
        years = [int(year) for year in YEAR.findall(shown)]
        size = max(len(shown), 1)
        rows[row] = (
            np.log1p(len(text)),
            len(raw) / size,
            np.log((len(raw) + 1) / len(zlib.compress(raw))),
            sum(map(str.isdigit, shown)) / size,
            shown.count("\n") / size,
            shown.count(" ") / size,
            max(years) if years else np.nan,
            float(np.mean(years)) if years else np.nan,
            float(bool(years)),
        )
    return rows


def _scaled(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return columns standardised and rows of about unit length; NaN becomes its column's mean."""
    missing = np.isnan(rows)
    with np.errstate(invalid="ignore"):
        means = np.where(
            missing.all(axis=0), 0.0, np.nansum(rows, axis=0) / np.maximum((~missing).sum(axis=0), 1)
        )
    rows = np.where(missing, means, rows)
    spread = rows.std(axis=0)
    # Clipped, so that one text of a strange shape does not outweigh all others.
    scaled = np.clip((rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1.0), -3, 3)
    return scaled / np.sqrt(rows.shape[1])


def _centre(block: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return inner products about the mean text, scaled to a mean of 1 on the diagonal."""
    means = block.mean(axis=0)
    centred = block - means - means[:, None] + means.mean()
    size = np.trace(centred) / len(centred)
    return centred / size if size > 0 else centred
