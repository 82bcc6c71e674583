"""The crash matrix: a run is struck at one step of a commit, run again, and held against an undisturbed run.

As a program it strikes at every point with every fault on both executors and writes the table of
docs/reliability.md (`make faults`); the tests take a part of it. The faults are those of `inject/`, in real
processes of the program and of Ray. All of it takes an hour or so; with `--kept FILE` it can be run in pieces.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import fault_program as program
import pages
import pyarrow.parquet as pq

from datagov.cli import main

FAULTS = {"SIGKILL": "kill-group", "disk full": "full", "exception": "error"}
EXECUTORS = ("local", "ray")
CODES = {"SIGKILL": {-signal.SIGKILL}, "disk full": {5}, "exception": {1}}
"""What the struck process may end with."""


@dataclass(frozen=True)
class Point:
    """A step of the program at which a fault strikes; `event`, `path` and `skip` as in `inject/`."""

    where: str
    when: str
    event: str
    path: str
    skip: int = 0
    fatal: bool = True
    """Whether a file operation that fails here fails the run."""


def commit_points(stage: str, folder: str, file: str, receipt: str) -> list[Point]:
    """Return the steps of the commit of one unit of a stage, in order."""
    return [
        Point(stage, "before a file is opened", "open", rf"{folder}\.{file}\..*\.tmp$"),
        Point(stage, "before a file is closed, half written", "os.fsync", rf"{folder}\.{file}\..*\.tmp$"),
        Point(stage, "after close, before publish", "os.link", rf"{folder}{file}$"),
        Point(stage, "after publish", "os.fsync", rf"{folder.rstrip('/')}$"),
        Point(stage, "before the receipt", "os.rename", rf"/receipts/{receipt}-[^/]*/[^/]*\.json$"),
        Point(stage, "after the receipt", "os.fsync", rf"/receipts/{receipt}-[^/]*$"),
    ]


POINTS = [
    *commit_points("measure", "/ledger/documents/[^/]*/", r"[^/]*\.parquet", "documents"),
    *commit_points("export", "/data/r1/", r"part-2\.parquet", "export"),
    Point("between stages", "measure and identify", "open", r"/receipts/identify-", fatal=False),
    Point("between stages", "elect and resolve", "open", r"/receipts/resolve-", fatal=False),
    Point("between stages", "decide and export", "open", r"/receipts/export-", fatal=False),
    Point("the run", "before its manifest", "os.rename", r"/runs/r1\.json$"),
    Point("the run", "after its manifest", "os.fsync", r"/runs$", skip=1),
]


@dataclass(frozen=True)
class Result:
    """What came of one case: exit codes, and the documents lost against the undisturbed run."""

    point: Point
    fault: str
    executor: str
    code: int
    again: int
    lost: int
    redone: int
    """Finished files that were written a second time."""
    same: bool
    seconds: float

    def check(self) -> None:
        """Assert that nothing was lost, changed or done twice."""
        assert self.again == 0
        assert self.same
        assert self.lost == 0
        assert self.redone == 0


def case_name(value: object) -> str:
    """Return how a point or a fault is called in a test."""
    return f"{value.where}, {value.when}".replace(" ", "-") if isinstance(value, Point) else str(value)


def strike(
    point: Point, fault: str, executor: str, recipe: Path, undisturbed: Path, *, address: str | None = None
) -> Result:
    """Run the recipe into the fault, then again without it."""
    started = time.perf_counter()
    out = recipe.parent / "out"
    order = order_of(point, fault)
    # Who is killed has company; a disk is as full for one process as for two.
    arguments = ["run", recipe, "--workers", "2" if fault == "SIGKILL" or executor == "ray" else "1"]
    if executor == "ray":
        arguments += ["--executor", "ray", "--address", str(address)]
    leader = recipe.parent / "leader"
    process = program.start(*arguments, fault={**order, "leader": str(leader)})
    leader.write_text(str(process.pid))
    ended = program.end(process)
    program.wait_for(lambda: not program.session_of(process))
    assert ended.code in CODES[fault], (point, fault, executor, ended)
    done = program.finished_work(out)
    again = main([*map(str, arguments), "--quiet"])
    after = program.finished_work(out)
    return Result(
        point=point,
        fault=fault,
        executor=executor,
        code=ended.code,
        again=again,
        lost=len(documents(undisturbed) - documents(out)),
        redone=sum(after.get(path) != mark for path, mark in done.items()),
        same=same_output(out, undisturbed),
        seconds=time.perf_counter() - started,
    )


def order_of(point: Point, fault: str) -> dict[str, Any]:
    """Return the order to `inject/` for a fault at a point."""
    action = FAULTS[fault]
    if action == "kill-group" and point.event == "os.fsync" and point.path.endswith(r"\.tmp$"):
        action = "tear"
    return {"event": point.event, "path": point.path, "skip": point.skip, "action": action}


def documents(out: Path) -> set[str]:
    """Return the ids of the documents that a run kept."""
    return {
        name
        for path in (out / "data/r1").glob("*.parquet")
        for name in pq.read_table(path, columns=["id"])["id"].to_pylist()
    }


def same_output(out: Path, undisturbed: Path) -> bool:
    """Whether a finished output is the undisturbed one; see `fault_program.assert_same_output`."""
    try:
        program.assert_same_output(out, undisturbed)
    except AssertionError as error:
        print(f"{out}: {error}", file=sys.stderr)
        return False
    return True


def cases() -> Iterator[tuple[Point, str]]:
    """Yield every point with every fault that can happen there; in three rounds, each point once a round."""
    faults = list(FAULTS)
    for turn in range(len(faults)):
        for number, point in enumerate(POINTS):
            fault = faults[(number + turn) % len(faults)]
            if fault != "disk full" or point.fatal:
                yield point, fault


@contextmanager
def ray_cluster() -> Iterator[str]:
    """The address of a Ray cluster of two CPUs; it outlives the runs that are killed on it."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False}, connect=False
    )
    try:
        yield cluster.address
    finally:
        cluster.shutdown()


def table(results: list[Result]) -> str:
    """Return the results as a Markdown table: a row a point, a column an executor and fault."""
    columns = [(executor, fault) for executor in EXECUTORS for fault in FAULTS]
    found = {(result.point, result.executor, result.fault): result for result in results}
    lines = [
        "| stage | struck | " + " | ".join(f"{executor}: {fault}" for executor, fault in columns) + " |",
        "|---" * (len(columns) + 2) + "|",
    ]
    for point in POINTS:
        cells = []
        for executor, fault in columns:
            result = found.get((point, executor, fault))
            cells.append("" if result is None else verdict(result))
        if any(cells):
            lines.append(f"| {point.where} | {point.when} | " + " | ".join(cells) + " |")
    good = sum(result.same and result.again == 0 and not result.lost for result in results)
    lines += [
        "",
        (
            f"{good} of {len(results)} cases: the rerun ended with 0 and every byte of ledger and data is that of the "
            "undisturbed run; receipts and manifest are, but for clock times and who did the work. "
            f"Documents lost: {sum(result.lost for result in results)}. Finished files written a "
            f"second time: {sum(result.redone for result in results)}."
        ),
    ]
    return "\n".join(lines) + "\n"


def verdict(result: Result) -> str:
    """Return a case in a cell: how the struck run ended, and whether the rerun made the same bytes."""
    if result.same and result.again == 0 and not result.lost:
        return f"{result.code}, same"
    return f"**{result.code}, then {result.again}, {result.lost} lost**"


def read_kept(path: Path | None) -> list[Result]:
    """Return the cases that earlier calls ran."""
    if path is None or not path.exists():
        return []
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return [Result(**{**record, "point": Point(**record["point"])}) for record in records]


def make_table() -> int:
    """Run the matrix and print its table; exit code 1 if a case failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executors", nargs="+", choices=EXECUTORS, default=list(EXECUTORS))
    parser.add_argument("--kept", type=Path, help="file of the cases that were run, which are not run again")
    parser.add_argument("--most", type=int, default=sys.maxsize, help="most cases to run now")
    parser.add_argument("--page", type=Path, help="Markdown page to put the table into")
    arguments = parser.parse_args()
    machine = pages.machine()
    results = read_kept(arguments.kept)
    known = {(result.executor, result.point, result.fault) for result in results}
    left = arguments.most
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shards = program.make_shards(folder)
        assert program.run("run", program.write_recipe(folder / "undisturbed", shards)).code == 0
        for executor in arguments.executors:
            with ray_cluster() if executor == "ray" else no_cluster() as address:
                for number, (point, fault) in enumerate(cases()):
                    if left == 0 or (executor, point, fault) in known:
                        continue
                    left -= 1
                    recipe = program.write_recipe(folder / f"{executor}-{number}", shards)
                    result = strike(
                        point, fault, executor, recipe, folder / "undisturbed/out", address=address
                    )
                    results.append(result)
                    if arguments.kept is not None:
                        with arguments.kept.open("a") as file:
                            file.write(json.dumps(asdict(result)) + "\n")
                    print(
                        f"{executor}: {fault} at {point.where}, {point.when}: {verdict(result)}",
                        f"({result.seconds:.1f} s)",
                        file=sys.stderr,
                        flush=True,
                    )
    made = f"{machine}\n\n{table(results)}"
    print(made)
    if arguments.page is not None:
        pages.put(arguments.page, "crash matrix", made)
    return 0 if all(result.same and result.again == 0 and not result.lost for result in results) else 1


@contextmanager
def no_cluster() -> Iterator[None]:
    """Nothing: the local executor needs none."""
    yield None


if __name__ == "__main__":
    sys.exit(make_table())
