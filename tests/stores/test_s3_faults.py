"""Writers to a bucket that are killed between their objects, or are two at once: the same bytes, and one run a number."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import s3_server
from governing import Governed, govern, plan_of, write_recipe, write_shard

from datagov.store import StoreFolder
from pipelines.executors.local import LocalExecutor
from pipelines.plan import run_records
from pipelines.progress import Reporter
from pipelines.run import begin
from pipelines.session import Session

STEPS: list[dict[str, Any]] = [{"normalise": {}}, {"exact_dedup": {}}, {"near_dedup": {"preset": "fineweb"}}]
PATIENCE_S = 120
KILLED = -9
POINTS = {
    "measure, no object": (r"/out/ledger/keys/", 0, False),
    "measure, between data and receipt": (r"/out/receipts/keys-", 0, False),
    "measure, receipt without an answer": (r"/out/receipts/keys-", 0, True),
    "export, between two objects": (r"/out/data/r1/", 1, False),
    "export, data without an answer": (r"/out/data/r1/", 2, True),
    "export, between data and receipt": (r"/out/receipts/export-", 0, False),
    "before the manifest": (r"/out/runs/r1.json", 1, False),
    "manifest without an answer": (r"/out/runs/r1.json", 1, True),
}
"""What is struck -> (path of an object, how many of them pass before, whether the server still gets it)."""


def corpus(folder: Path) -> None:
    for number in range(3):
        texts = [f"number {number} says {row % 5} and nothing else of note to anybody" for row in range(9)]
        ids = [f"{number}-{row}" for row in range(9)]
        write_shard(folder / f"corpus/{number}.parquet", {"id": ids, "text": texts})


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Governed:
    """The run on this machine."""
    folder = tmp_path_factory.mktemp("here")
    corpus(folder)
    return govern(write_recipe(folder, steps=STEPS))


def published(objects: dict[str, bytes]) -> dict[str, bytes]:
    return {path: data for path, data in objects.items() if path.startswith(("data/", "ledger/"))}


@pytest.mark.parametrize("point", POINTS)
def test_a_writer_killed_between_its_objects(
    point: str,
    here: Governed,
    server: str,
    place: str,
    tmp_path: Path,
    objects: Callable[[str], dict[str, bytes]],
) -> None:
    path, skip, done = POINTS[point]
    recipe = write_recipe(
        tmp_path, steps=STEPS, input={"path": str(here.out.parent / "corpus")}, output=f"{place}/out"
    )
    command = [sys.executable, "-m", "datagov", "run", str(recipe), "--workers", "1", "--quiet"]
    with s3_server.striking(server, path, skip=skip, done=done) as proxy:
        environment = {**os.environ, **s3_server.settings(proxy.url)}
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        proxy.victim = process.pid
        _, err = process.communicate(timeout=PATIENCE_S)
        assert proxy.struck.is_set(), err.decode()
    assert process.returncode == KILLED
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)  # another machine continues
    again = govern(recipe)
    expected = {
        file.relative_to(here.out).as_posix(): file.read_bytes()
        for folder in ("data", "ledger")
        for file in (here.out / folder).rglob("*")
        if file.is_file()
    }
    assert published(objects(f"{place}/out")) == expected
    assert again.counts == here.counts


def test_a_fetched_file_follows_an_object_of_the_same_size_and_second(place: str) -> None:
    root = StoreFolder(place)
    for data in (b"one", b"two", b"one"):
        root.put("x", data)
        assert (root / "x").read_bytes() == data
        before = (root / "x").stat()
        assert (root / "x").stat().st_ino == before.st_ino  # not fetched again
    (root / "x").write_bytes(b"odd")
    assert (root / "x").read_bytes() == b"one"


@pytest.mark.parametrize("where", ["disk", "store"])
def test_runs_that_begin_at_the_same_time_take_different_numbers(
    where: str, place: str, tmp_path: Path
) -> None:
    corpus(tmp_path)
    out = f"{place}/out" if where == "store" else str(tmp_path / "out")
    plans = []
    for keep in ("longest", "shortest", "newest", "longest"):
        steps = [{"exact_dedup": {"keep": keep if keep != "newest" else ["shortest", "longest"]}}]
        recipe = write_recipe(
            tmp_path / str(len(plans)), steps=steps, output=out, input={"path": str(tmp_path / "corpus")}
        )
        plans.append(plan_of(recipe))
    with Reporter(quiet=True) as reporter:
        sessions = [Session(plan, LocalExecutor(1), reporter) for plan in plans]
        with ThreadPoolExecutor(len(plans)) as threads:
            list(threads.map(begin, sessions))
    names = [session.run_id for session in sessions]
    assert names[0] == names[3]  # the same recipe
    assert sorted(set(names)) == ["r1", "r2", "r3"]
    records = run_records(plans[0].out)
    assert [records[name]["recipe_digest"] for name in names] == [plan.recipe.digest for plan in plans]
