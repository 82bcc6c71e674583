"""Which characters are upper case and which lower case."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.text.tables import LOWER_LIMIT, unicode_tables

__all__ = ["LOWER", "UPPER", "letter_case"]

UPPER: Final = 1
LOWER: Final = 2


@cache
def letter_case() -> npt.NDArray[np.uint8]:
    """Return uint8[LOWER_LIMIT]: UPPER, LOWER, or 0 for characters without case.

    Upper case is what has a simple lower-case mapping to another character (title case too); lower
    case is what such a mapping leads to. No character from LOWER_LIMIT on has a case.

    Source
    ------
    Unicode Character Database, Simple_Lowercase_Mapping.
    """
    lower = unicode_tables().lower
    mapped = np.flatnonzero(lower != np.arange(LOWER_LIMIT, dtype=np.uint32))
    case = np.zeros(LOWER_LIMIT, np.uint8)
    case[lower[mapped]] = LOWER
    case[mapped] = UPPER
    case.flags.writeable = False
    return case
