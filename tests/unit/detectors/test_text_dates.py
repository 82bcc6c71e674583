"""Dates of texts from a column, and what the blind check makes of them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagov.errors import InputError
from detectors.statistics.blind import blind_check
from detectors.statistics.blind_features import similarity
from detectors.text_dates import dates_of
from detectors.texts import Texts, read_texts


def texts_with(values: pa.Array, folder: Path) -> Texts:
    path = folder / "texts.parquet"
    pq.write_table(pa.table({"text": [f"text {n}" for n in range(len(values))], "when": values}), path)
    return read_texts(str(path))


@pytest.mark.parametrize(
    "values",
    [
        pa.array([dt.date(2020, 7, 2), None, dt.date(1969, 1, 1)]),
        pa.array([dt.datetime(2020, 7, 2, 13, tzinfo=dt.UTC), None, dt.datetime(1969, 1, 1, tzinfo=dt.UTC)]),
        pa.array(["2020-07-02T13:00:00Z", "yesterday", "1969-01-01"]),
        pa.array(["2020-07", "", "1969"]),
    ],
)
def test_dates_are_years(values: pa.Array, tmp_path: Path) -> None:
    found = dates_of(texts_with(values, tmp_path), "when", "F")
    np.testing.assert_allclose(found, [2020.5, np.nan, 1969.0], atol=0.01)


def test_whole_numbers_are_years(tmp_path: Path) -> None:
    assert dates_of(texts_with(pa.array([2020, 1999]), tmp_path), "when", "F").tolist() == [2020.0, 1999.0]


@pytest.mark.parametrize(
    ("values", "column", "says"),
    [
        (pa.array([1.5]), "when", "holds double, expected dates"),
        (pa.array(["soon"]), "when", "no value of column 'when' is a date"),
        (pa.array([2020]), "then", "no column 'then' for dates. Did you mean 'when'"),
    ],
)
def test_what_is_no_date_is_said(values: pa.Array, column: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        dates_of(texts_with(values, tmp_path), column, "F")


def test_texts_that_differ_by_their_dates_alone_are_separated() -> None:
    generator = np.random.default_rng(0)
    texts = pa.array(
        [" ".join(f"w{n}" for n in generator.integers(0, 300, 60)) for _ in range(120)], pa.large_string()
    )
    suspects = np.arange(120) % 2 == 0
    dates = np.where(suspects, 2024.5, 2021.0) + generator.normal(0, 0.5, 120)
    dates[::7] = np.nan
    assert blind_check(similarity(texts), suspects, permutations=99).outcome != "separated"
    found = blind_check(similarity(texts, dates), suspects, permutations=99)
    assert found.outcome == "separated"
    assert found.auroc > 0.8
