"""What the capacity calculator says of the memory of tasks done by run, against processes that do them.

A part of a corpus is too small to show it: the peak of a process is measured at two sizes, and the slope compared.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.capacity import BY_RUN_BYTES
from pipelines.fates import ALIVE, fate_bytes
from pipelines.removals import REMOVALS
from pipelines.stage import Task

CHILD = """
import pickle, sys
from pathlib import Path
from pipelines.stages import execute
done = execute(pickle.loads(Path(sys.argv[1]).read_bytes()))
assert isinstance(done, list), done
# Not ru_maxrss: a program has at least the peak of the process that started it there.
(peak,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) * 1024)
"""
SIZES = (400_000, 1_600_000)
PART_ROWS = 20_000


def ids(random: np.random.Generator, count: int) -> pa.Array:
    data = random.integers(0, 256, 16 * count, dtype=np.uint8)
    return pa.Array.from_buffers(pa.binary(16), count, [None, pa.py_buffer(data.tobytes())])


def identify(folder: Path, count: int) -> Task:
    """Documents of one long shard, all with ids of their own."""
    random = np.random.default_rng(1)
    table = pa.table(
        {
            "doc_id": pa.ExtensionArray.from_storage(pa.uuid(), ids(random, count)),
            "id": pa.array(np.arange(count)).cast(pa.string()),
            "shard": pa.array(["a.parquet"]).take(pa.array(np.zeros(count, np.int8))),
            "shard_row": pa.array(np.arange(count)),
        }
    )
    pq.write_table(table, folder / "documents.parquet")
    return task(folder, "identify", documents=["documents.parquet"])


def link(folder: Path, count: int) -> Task:
    """Memberships in buckets of three on average, six a document."""
    random = np.random.default_rng(2)
    documents = count // 6
    ordinal = random.integers(0, documents, count)
    names = [f"p-{part}" for part in range(documents // PART_ROWS + 1)]
    part = pa.DictionaryArray.from_arrays(pa.array((ordinal // PART_ROWS).astype(np.int32)), pa.array(names))
    key = np.sort(random.integers(0, count // 3, count).astype(np.uint64))
    table = pa.table({"key": key, "part": part, "row": ordinal % PART_ROWS})
    # As `match` writes them: in ranges of keys.
    files = []
    for quarter in range(4):
        files.append(f"{quarter}.parquet")
        pq.write_table(table.slice(quarter * (count // 4), count // 4), folder / files[-1])
    (folder / "fates.npy").write_bytes(fate_bytes(np.full(documents, ALIVE, np.int16)))
    parts = [{"name": name, "ordinal": at * PART_ROWS, "rows": PART_ROWS} for at, name in enumerate(names)]
    written = {"members": "members.parquet", "memberships": "memberships.parquet"}
    return task(folder, "link", buckets=files, parts=parts, fates="fates.npy", **written)


def resolve(folder: Path, count: int) -> Task:
    """As many removed documents as kept ones, of which some have several followers."""
    random = np.random.default_rng(3)
    fates = np.full(2 * count, ALIVE, np.int16)
    fates[1::2] = 0
    keeper = 2 * random.integers(0, count, count)
    columns = {
        "ordinal": pa.array(np.arange(1, 2 * count, 2)),
        "keeper_ordinal": pa.array(keeper),
        "keeper": ids(random, count).take(pa.array(keeper // 2)),
        "intersection": pa.array(np.ones(count, np.int64)),
        "union": pa.array(np.ones(count, np.int64)),
    }
    pq.write_table(pa.table(columns, schema=REMOVALS), folder / "removals.parquet")
    (folder / "fates.npy").write_bytes(fate_bytes(fates))
    return task(folder, "resolve", removals=["removals.parquet"], fates="fates.npy", file="links.parquet")


def task(folder: Path, stage: str, **arguments: object) -> Task:
    return Task(stage, "run", str(folder), (f"receipts/{stage}.json",), arguments)


def peak(made: Task, folder: Path) -> int:
    """Return the most bytes that a process held that did nothing but this task."""
    (folder / "task.pickle").write_bytes(pickle.dumps(made))
    command = [sys.executable, "-c", CHILD, folder / "task.pickle"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return int(ended.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("make", [identify, link, resolve])
def test_the_memory_of_a_task_done_by_run_grows_as_the_calculator_says(
    make: Callable[[Path, int], Task], tmp_path: Path
) -> None:
    peaks = []
    for count in SIZES:
        folder = tmp_path / str(count)
        folder.mkdir()
        peaks.append(peak(make(folder, count), folder))
    slope = (peaks[1] - peaks[0]) / (SIZES[1] - SIZES[0])
    said = BY_RUN_BYTES[make.__name__]
    assert 0.6 * said < slope < 1.2 * said, f"{slope:.0f} bytes each, {said} are said"
