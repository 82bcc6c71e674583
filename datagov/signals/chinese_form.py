"""Family chinese_form@1: whether Chinese is written in simplified or in traditional characters.

Two national standards tell the forms apart. A character that mainland China encoded among its common ones
(GB 2312, level 1) and Taiwan not at all (Big5) is written in simplified text only, and the other way round.
Most characters, and those that both forms use with different meanings (后, 里, 台, 干), are in both and say
nothing.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.text.kernel import kernel

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["CHINESE_FORM", "SIMPLIFIED", "TRADITIONAL", "form_of", "measure"]

SIMPLIFIED: Final = 1
TRADITIONAL: Final = 2

POINTS: Final = 0x110000
IDEOGRAPHS: Final = range(0x4E00, 0xA000)
"""The block CJK Unified Ideographs, which holds all characters of both standards but two of Big5's doublets."""

GB_LEVEL_1: Final = range(0xB0, 0xD8)
"""First bytes of GB 2312's 3,755 common characters (rows 16 to 55)."""
BIG5_LEVEL_1: Final = range(0xA4, 0xC7)
"""First bytes of Big5's 5,401 common characters."""


@cache
def form_of() -> npt.NDArray[np.uint8]:
    """Return uint8[0x110000]: SIMPLIFIED, TRADITIONAL, or 0 for characters that tell nothing.

    SIMPLIFIED are the 1,204 common characters of GB 2312 that Big5 has not; TRADITIONAL the 2,073 common
    characters of Big5 that GB 2312 has not.

    Source
    ------
    GB 2312-80 and Big5, as Python's codecs `gb2312` and `big5` have them.
    """
    form = np.zeros(POINTS, np.uint8)
    for point in IDEOGRAPHS:
        mainland, taiwan = (_first_byte(point, codec) for codec in ("gb2312", "big5"))
        if mainland in GB_LEVEL_1 and taiwan is None:
            form[point] = SIMPLIFIED
        elif taiwan in BIG5_LEVEL_1 and mainland is None:
            form[point] = TRADITIONAL
    form.flags.writeable = False
    return form


def _first_byte(point: int, codec: str) -> int | None:
    try:
        return chr(point).encode(codec)[0]
    except UnicodeEncodeError:
        return None


@kernel
def _count(
    points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    form: npt.NDArray[np.uint8],
) -> npt.NDArray[np.int64]:
    """int64[N, 2]: how many characters of each document are SIMPLIFIED, and TRADITIONAL."""
    counts = np.zeros((offsets.shape[0] - 1, 2), np.int64)
    held = np.zeros(3, np.int64)
    for row in range(offsets.shape[0] - 1):
        held[:] = 0
        for point in points[offsets[row] : offsets[row + 1]]:
            held[form[point]] += 1
        counts[row] = held[1:]
    return counts


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:  # noqa: ARG001
    """Return the columns of chinese_form@1 for `batch`, all int64 and never NULL, one row a document.

    `traditional_chars`; `telling_chars`, those of either form.
    """
    counts = _count(batch.code_points, batch.offsets, form_of())
    return pa.RecordBatch.from_pydict(
        {
            "traditional_chars": pa.array(np.ascontiguousarray(counts[:, TRADITIONAL - 1])),
            "telling_chars": pa.array(counts.sum(axis=1)),
        }
    )


STANDARDS = "GB 2312-80 and Big5, as Python's codecs have them; the definition is our own"

CHINESE_FORM = SignalFamily(
    name="chinese_form",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="traditional_fraction",
            numerator="traditional_chars",
            denominator="telling_chars",
            unit="characters over characters",
            formula=(
                "Characters that only traditional text has (common in Big5, not in GB 2312) over those and the ones that "
                "only simplified text has (common in GB 2312, not in Big5)."
            ),
            value_range=(0.0, 1.0),
            null_when="no character that only one of the forms has",
            source=STANDARDS,
            differs=(
                "EvalWeb drops a text that OpenCC's conversion to simplified characters changes at all. Japanese has "
                "characters of both sets: ask this of documents in Chinese."
            ),
        ),
        RuleInfo(
            name="traditional_char_count",
            numerator="traditional_chars",
            denominator=None,
            unit="characters",
            formula="Characters that only traditional text has: common in Big5, not in GB 2312.",
            value_range=(0.0, None),
            null_when="never",
            source=STANDARDS,
        ),
    ),
)
