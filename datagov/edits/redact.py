"""The edit `redact`: personal data, each stretch replaced by the tag of its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.edits.edited import STRETCHES, Edited, changes, replaced
from datagov.pii.find import find
from datagov.pii.kinds import NAMES, tag_of
from datagov.text.kernel import kernel
from datagov.text.utf8 import encode_rows

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["COUNTS", "LIBRARIES", "apply"]

COUNTS = ("stretches_redacted",)
LIBRARIES = ("phonenumbers", "publicsuffixlist", "python-stdnum")


@kernel
def _replace(
    points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    start: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    tag: npt.NDArray[np.int64],
    tag_points: npt.NDArray[np.uint32],
    tag_offsets: npt.NDArray[np.int64],
    out: npt.NDArray[np.uint32],
    new_offsets: npt.NDArray[np.int64],
) -> None:
    """Write the chosen rows end to end, with a tag in place of each stretch; stretches stand in order."""
    to = 0
    span = 0
    for at_row in range(rows.shape[0]):
        at, stop = offsets[rows[at_row]], offsets[rows[at_row] + 1]
        while at < stop:
            if span < start.shape[0] and at == start[span]:
                for place in range(tag_offsets[tag[span]], tag_offsets[tag[span] + 1]):
                    out[to] = tag_points[place]
                    to += 1
                at = end[span]
                span += 1
            else:
                out[to] = points[at]
                to += 1
                at += 1
        new_offsets[at_row + 1] = to


def apply(
    batch: TextBatch,
    *,
    kinds: Sequence[str] = NAMES,
    regions: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    by: str | None = None,
) -> Edited:
    """Replace personal data by tags.

    Parameters
    ----------
    batch : TextBatch
    kinds : sequence of str
        What is looked for, out of `datagov.pii.kinds.NAMES`.
    regions : sequence of str
        Two-letter codes of regions whose telephone numbers count in their national form too.
    tags : mapping of str to str, or None
        Kind -> what stands in its place; `<PI:KIND>` where nothing is said.
    by : str or None
        The libraries the work was planned with, as `extras.named` says them.

    Returns
    -------
    Edited
        With spans, whose rule is the kind. Replacing each by its tag gives the new text.

    Raises
    ------
    ConfigError
        A kind or region is unknown, or a library is missing or of another version than planned with.
    """
    found = find(batch, kinds=kinds, regions=regions, by=by)
    written = [(tags or {}).get(name, tag_of(name)) for name in NAMES]
    tag_points = np.array([ord(character) for character in "".join(written)], np.uint32)
    tag_offsets = np.cumsum([0, *map(len, written)]).astype(np.int64)
    counts = np.bincount(found.row, minlength=batch.n).astype(np.int64)
    changed = counts > 0
    rows = np.flatnonzero(changed)
    grown = int(batch.chars[rows].sum() + np.diff(tag_offsets)[found.kind].sum())
    out = np.empty(grown, np.uint32)
    new_offsets = np.zeros(len(rows) + 1, np.int64)
    stretches = (found.start, found.end, found.kind)
    _replace(batch.code_points, batch.offsets, rows, *stretches, tag_points, tag_offsets, out, new_offsets)
    texts = replaced(batch.texts, changed, encode_rows(out[: int(new_offsets[-1])], new_offsets))
    first = batch.offsets[found.row]
    spans = pa.RecordBatch.from_arrays(
        [
            pa.array(found.row),
            pa.array(NAMES, pa.string()).take(pa.array(found.kind)),
            pa.array(found.start - first),
            pa.array(found.end - first),
        ],
        schema=STRETCHES,
    )
    return Edited(texts, changes(batch.texts, texts, changed, stretches_redacted=counts), spans)
