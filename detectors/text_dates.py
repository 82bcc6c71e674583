"""When texts are from, read from a column of their file."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagov.errors import InputError, did_you_mean
from detectors.texts import Texts

__all__ = ["dates_of"]

ISO = r"^\s*(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2}))?)?"
DAYS = 365.2425


def dates_of(texts: Texts, column: str, where: str) -> npt.NDArray[np.float64]:
    """Return the time of each text in years, float64[N]; NaN where there is none.

    Dates and timestamps are read as they are, integers as years, strings by the ISO date they begin with (a year, a month
    or a day).

    Raises
    ------
    InputError
        No such column, it holds something else, or no date at all.
    """
    if column not in texts.columns.column_names:
        raise InputError(
            f"texts {where}: no column {column!r} for dates. {did_you_mean(column, texts.columns.column_names)}"
        )
    values = texts.columns.column(column).combine_chunks()
    kind = values.type
    if pa.types.is_temporal(kind) and not pa.types.is_time(kind) and not pa.types.is_duration(kind):
        days = values.cast(pa.date32(), safe=False).cast(pa.int32()).cast(pa.float64())
        years = pc.add(pc.divide(days, DAYS), 1970.0)
    elif pa.types.is_integer(kind):
        years = values.cast(pa.float64())
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        found = pc.extract_regex(values.cast(pa.large_string()), ISO)
        year, month, day = (_number(found, name) for name in ("year", "month", "day"))
        middle = pc.add(
            pc.divide(pc.subtract(pc.fill_null(month, 1.0), 1.0), 12.0),
            pc.divide(pc.fill_null(day, 1.0), DAYS),
        )
        years = pc.add(year, middle)
    else:
        raise InputError(
            f"texts {where}: column {column!r} holds {kind}, expected dates, years or ISO strings"
        )
    numbers: npt.NDArray[np.float64] = years.to_numpy(zero_copy_only=False).astype(np.float64)
    if np.isnan(numbers).all():
        raise InputError(f"texts {where}: no value of column {column!r} is a date such as 2024-05-01 or 2024")
    return numbers


def _number(found: pa.StructArray, name: str) -> pa.Array:
    part = pc.struct_field(found, name)
    return pc.if_else(pc.equal(part, ""), pa.scalar(None, part.type), part).cast(pa.float64())
