"""What is kept until a result is whole: read back as it was written, and none of it if it is damaged."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.kept import keep, kept


@settings(max_examples=examples(60))
@given(
    values=st.lists(st.integers(-(2**31), 2**31)),
    place=st.integers(0),
    change=st.integers(1, 255),
    cut=st.booleans(),
)
def test_a_damaged_file_counts_as_none(values: list[int], place: int, change: int, cut: bool) -> None:
    table = pa.table({"value": pa.array(values, pa.int64())})
    with tempfile.TemporaryDirectory() as folder:
        keep(Path(folder), "part", table)
        assert kept(Path(folder), "part").equals(table)
        assert kept(Path(folder), "par") is None
        (file,) = Path(folder).iterdir()
        data = bytearray(file.read_bytes())
        at = place % len(data)
        data[at] ^= change
        file.write_bytes(data[:at] if cut else data)
        assert kept(Path(folder), "part") is None
        keep(Path(folder), "part", table)
        assert kept(Path(folder), "part").equals(table)


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert kept(tmp_path / "nowhere", "part") is None
