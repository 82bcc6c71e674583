"""The program under fault: a small corpus of several parts, `datagov run` over it, and what it left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from datagov.cli import main
from pipelines.demo.corpus import make_corpus
from pipelines.parts import PART_BYTES

SHARDS = 4
PATIENCE_S = 300
INJECT = Path(__file__).parent / "inject"
MOST_CHARS = 200_000
SCHEMA = pa.schema(
    [("id", pa.string()), ("text", pa.large_string()), ("source", pa.string()), ("url", pa.string())]
)
PROFILE = {
    "profile": "faults",
    "version": 1,
    "title": "Two bounds, so that a filter takes part",
    "sources": {"tests": "the tests"},
    "not_included": [],
    "bounds": [
        {"signal": "words/word_count", "min": 10, "missing": "drop", "source": "tests, here"},
        {"signal": "words/mean_word_length", "max": 12, "missing": "keep", "source": "tests, here"},
    ],
}


def make_shards(folder: Path) -> Path:
    """Write shards of which each is a part of its own, and return their folder.

    A part holds megabytes; so that a small corpus has several, each shard ends with one document over
    `max_document_chars`, which is set aside as soon as it is seen.
    """
    corpus = make_corpus(folder / "demo", documents=400, seed=11).corpus
    tables = [pq.read_table(path).cast(SCHEMA) for path in sorted(corpus.rglob("*.parquet"))]
    documents = pa.concat_tables(tables)
    size = -(-documents.num_rows // SHARDS)
    target = folder / "input"
    target.mkdir()
    for number in range(SHARDS):
        heavy = {"id": f"heavy-{number}", "text": "x" * (PART_BYTES + 1), "source": "heavy", "url": None}
        table = pa.concat_tables(
            [documents.slice(number * size, size), pa.Table.from_pylist([heavy], schema=SCHEMA)]
        )
        path = target / f"part-{number}.parquet"
        pq.write_table(table.combine_chunks(), path, compression="zstd", use_dictionary=["source"])
    return target


def write_recipe(folder: Path, corpus: Path, **changes: Any) -> Path:
    """Write a recipe (and its profile) with every kind of step; `changes` replace top-level keys."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "profile.yaml").write_text(yaml.safe_dump(PROFILE))
    recipe: dict[str, Any] = {
        "dataset": "faults",
        "input": {
            "path": str(corpus),
            "id": "id",
            "source": "source",
            "url": "url",
            "max_document_chars": MOST_CHARS,
        },
        "output": str(folder / "out"),
        "steps": [
            {"normalise": {}},
            {
                "filter": {
                    "profile": "profile.yaml",
                    "when": {"script": ["han", "latin"]},
                    "otherwise": "keep",
                }
            },
            {"exact_dedup": {}},
            {"near_dedup": {"preset": "fineweb", "verify": {"jaccard": 0.7}}},
            {"span_dedup": {"unit": "sentences", "sentences": 1}},
        ],
    }
    recipe.update(changes)
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False))
    return path


def program(*arguments: str | Path) -> list[str]:
    """Return the command line of the program."""
    return [sys.executable, "-m", "datagov", *map(str, arguments)]


Faults = Mapping[str, Any] | Sequence[Mapping[str, Any]]


def start(*arguments: str | Path, fault: Faults | None = None) -> subprocess.Popen[str]:
    """Start the program in a session of its own, as a terminal does; `fault` as in `inject/`.

    On a Ray cluster that is there already, its workers get the fault by the job's runtime environment.
    """
    environment = dict(os.environ)
    if fault is not None:
        injected = {
            "FAULT": json.dumps(fault),
            "PYTHONPATH": os.pathsep.join([str(INJECT), environment.get("PYTHONPATH", "")]),
        }
        environment |= injected
        if "--address" in arguments:
            job = {"runtime_env": {"env_vars": injected}}
            environment["RAY_JOB_CONFIG_JSON_ENV_VAR"] = json.dumps(job)
    return subprocess.Popen(
        program(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str


def end(process: subprocess.Popen[str]) -> Ended:
    """Wait for the process; whatever happens, leave nothing of its session behind."""
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        kill_session(process)
        process.communicate()
        raise
    return Ended(process.returncode, out, err)


def run(*arguments: str | Path, **how: Any) -> Ended:
    """Start the program and wait for it."""
    return end(start(*arguments, **how))


def run_again(recipe: Path) -> None:
    """Run a recipe to its end in this process, with one worker; quicker than a process with two."""
    assert main(["run", str(recipe), "--workers", "1", "--quiet"]) == 0


def session_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the living processes of the program's session."""
    found = []
    for other in psutil.process_iter():
        try:
            if os.getsid(other.pid) == process.pid and other.status() != psutil.STATUS_ZOMBIE:
                found.append(other)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def kill_session(process: subprocess.Popen[str]) -> None:
    """SIGKILL every process of the program at once."""
    os.killpg(process.pid, signal.SIGKILL)


def is_stopped(process: subprocess.Popen[str]) -> bool:
    """Whether a process of the program has stopped, as the fault `pause` makes it."""
    return any(other.status() == psutil.STATUS_STOPPED for other in session_of(process))


def go_on(process: subprocess.Popen[str]) -> None:
    """Let stopped processes of the program continue."""
    os.killpg(process.pid, signal.SIGCONT)


def wait_for(condition: Callable[[], Any], process: subprocess.Popen[str] | None = None) -> None:
    """Wait until the condition holds; fail if the process ends before, or patience does."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        if process is not None and process.poll() is not None:
            raise AssertionError(f"ended too early, with {process.returncode}: {process.communicate()}")
        if time.monotonic() > until:
            raise AssertionError("it did not happen")
        time.sleep(0.005)


def receipts(out: Path, stage: str = "*") -> list[Path]:
    """Return the receipts of a stage (or all) that are there."""
    return sorted(path for path in out.glob(f"receipts/{stage}/*.json") if not path.name.startswith("."))


def finished_work(out: Path) -> dict[str, tuple[int, int]]:
    """Return inode and modification time of every receipt and of every file that one names."""
    files = set(receipts(out))
    for path in receipts(out):
        files |= {out / record["path"] for record in json.loads(path.read_bytes())["files"]}
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def contents(out: Path, folders: Sequence[str] = ("ledger", "data")) -> dict[str, str]:
    """Return the digest of every published file below some folders of an output."""
    return {
        str(path.relative_to(out)): sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in sorted((out / folder).rglob("*"))
        if path.is_file() and not is_temporary(path)
    }


def is_temporary(path: Path) -> bool:
    """Whether a file is a write that was cut off."""
    return path.name.startswith(".") and path.suffix == ".tmp"


TIMINGS = {"seconds", "started", "finished", "stages", "workers", "executor"}


def manifest(out: Path, run_id: str = "r1") -> dict[str, Any]:
    """Return a run's manifest without what depends on the clock and on who did the work."""
    record = json.loads((out / f"runs/{run_id}.json").read_bytes())
    for step in record.get("steps", []):
        del step["seconds"]
    return {key: value for key, value in record.items() if key not in TIMINGS}


def assert_same_output(out: Path, expected: Path) -> None:
    """Assert that a finished output is the undisturbed one, byte for byte, and refers to nothing else."""
    assert contents(out) == contents(expected)
    assert manifest(out) == manifest(expected)
    assert manifest(out)["complete"]
    for record in [*out.glob("runs/*.json"), *receipts(out)]:
        assert ".tmp" not in record.read_text()
    found, wanted = receipts(out), receipts(expected)
    assert [path.relative_to(out) for path in found] == [path.relative_to(expected) for path in wanted]
    for path, other in zip(found, wanted, strict=True):
        timed = {"seconds": 0.0, "spent": {}}
        assert json.loads(path.read_bytes()) | timed == json.loads(other.read_bytes()) | timed
