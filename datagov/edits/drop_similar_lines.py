"""The edit `drop_similar_lines`: a document says nothing twice in nearly the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from datagov.dedup.jaccard import as_fraction
from datagov.edits.cutting import cut_units
from datagov.edits.edited import Edited
from datagov.edits.similar_units import find_similar
from datagov.edits.units import units_of
from datagov.text.kernel import kernel
from datagov.text.tables import kind_index, unicode_tables

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["COUNTS", "RULE", "apply"]

COUNTS = ("units_removed", "units_not_compared")
RULE: Final = "similar_line"


@kernel
def _trim(
    classes: npt.NDArray[np.uint8],
    outside: npt.NDArray[np.bool_],
    start: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
) -> None:
    """Move the ends of stretches inwards, past characters of a class that is `outside`."""
    for unit in range(start.shape[0]):
        while start[unit] < end[unit] and outside[classes[start[unit]]]:
            start[unit] += 1
        while end[unit] > start[unit] and outside[classes[end[unit] - 1]]:
            end[unit] -= 1


def apply(
    batch: TextBatch,
    *,
    unit: str = "sentences",
    max_distance: float = 0.1,
    exact_chars: int = 15,
    min_chars: int = 1,
) -> Edited:
    """Remove units that are like one that stands before them in the same document and stays.

    White space and punctuation at the ends of a unit are passed over; a unit of nothing else stays. A document whose
    lines have so much in common that the work on it is spent (`similar_units.WORK_PER_CHAR`) keeps what comes after
    and is not the same as what stays before; the count `units_not_compared` says how many units.

    Parameters
    ----------
    batch : TextBatch
    unit : str
        One of `units.UNITS`.
    max_distance : float
        Two units are alike if their edit distance is at most this share of the length of the longer one.
    exact_chars : int
        Where the shorter one has no more characters, they are alike only if they are the same.
    min_chars : int
        Shorter units stay.

    Returns
    -------
    Edited
        With spans, all of the rule `similar_line`.

    Source
    ------
    MAP-CC (Du et al. 2024, arXiv 2404.04167), the released script for similar lines. Its two other tests, that lengths
    differ by less than 30 % and that a third of all characters are common, are true of all units so alike. It compares
    with lines that it has removed as well.
    """
    units = units_of(batch, unit)
    tables = unicode_tables()
    outside = np.isin(tables.kind, [kind_index("space"), kind_index("punctuation")])
    start, end = units.start.astype(np.int64), units.end.astype(np.int64)
    _trim(batch.classes, outside, start, end)
    similar = find_similar(
        batch.code_points,
        start,
        end,
        units.offsets,
        share=as_fraction(max_distance),
        exact_chars=exact_chars,
        min_chars=min_chars,
    )
    return cut_units(
        batch,
        units,
        similar.found.astype(np.uint32),
        [RULE],
        counted="units_removed",
        beside={"units_not_compared": similar.not_compared},
    )
