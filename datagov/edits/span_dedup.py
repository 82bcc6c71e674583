"""The edit `span_dedup`: what the run as a whole found to be said elsewhere is cut out of each text.

An edit by run: which stretches go is counted over all documents that reach the step (`datagov.dedup.repeats`),
before any text is changed. Here they are cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from datagov.edits.cutting import cut_stretches, cut_units
from datagov.edits.edited import Edited
from datagov.edits.units import units_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datagov.text.batch import TextBatch

__all__ = ["COUNTS", "PRESETS", "RULES", "Stretches", "apply"]

COUNTS = ("units_removed",)
RULES: Final = {
    "line": "duplicate_line",
    "paragraph": "duplicate_paragraph",
    "sentences": "duplicate_sentences",
    "substring": "duplicate_substring",
}
"""Unit -> the rule of its spans."""

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "cc_net": {"unit": "line", "ignore": ["case", "digits", "punctuation"]},
        "map-neo": {"unit": "line"},
        "llama-3": {"unit": "line", "min_count": 7, "keep": "none", "bucket_documents": 30_000_000},
        "c4": {"unit": "sentences", "sentences": 3},
        "map-neo-substring": {"unit": "substring", "length": 50},
    }
)
"""Name -> options.

Source
------
cc_net: Wenzek et al. 2020, github.com/facebookresearch/cc_net, dedup.py and text_normalizer.py, whose paragraphs are
lines and whose set of seen hashes is that of 50 shards. map-neo and map-neo-substring: Zhang et al. 2024, MAP-NEO's Matrix pipeline. llama-3:
Grattafiori et al. 2024, arXiv 2407.21783, section 3.1.1: lines seen more than 6 times in each bucket of 30M documents.
c4: Raffel et al. 2020, arXiv 1910.10683, section 2.2: all but one of any three-sentence span.
"""


@dataclass(frozen=True, eq=False)
class Stretches:
    """S stretches that go, by document and start: int64 each, positions in code points of their document."""

    row: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]


def apply(batch: TextBatch, *, stretches: Stretches, unit: str, **_: Any) -> Edited:
    """Remove units that the run found to be repeats, each with the white space that joined it to the others.

    Substrings are cut as they stand.

    Parameters
    ----------
    batch : TextBatch
    stretches : Stretches
        Each begins and ends with a unit; those of several units, and substrings, may overlap.
    unit : str
        One of `units.UNITS`, or `substring`.

    Returns
    -------
    Edited
        With spans, all of one rule of `RULES`. Its count is `units_removed`.
    """
    first = batch.offsets[stretches.row]
    if unit == "substring":
        start, end = first + stretches.start, first + stretches.end
        return cut_stretches(batch, stretches.row, start, end, RULES[unit], counted="units_removed")
    units = units_of(batch, unit)
    depth = np.zeros(len(units.start) + 1, np.int64)
    # An empty line at the end of the document before begins at the same place.
    begins = np.maximum(np.searchsorted(units.start, first + stretches.start), units.offsets[stretches.row])
    np.add.at(depth, begins, 1)
    np.add.at(depth, np.searchsorted(units.start, first + stretches.end), -1)
    crossed = (np.cumsum(depth)[:-1] > 0).astype(np.uint32)
    return cut_units(batch, units, crossed, [RULES[unit]], counted="units_removed")
