"""SIGKILL in the first stage of datatrove's MinHash deduplication, and the same command again: what happens.

Run by `make faults` after the crash matrix, on the same machine; reported as it goes. datatrove runs in the
peers' environment by the program that benchmarks it, `bench_near_dedup.py`, with its defaults.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path

import pages
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.demo.corpus import make_corpus

ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".venv-peers"
PROGRAM = ROOT / "tests/benchmarks/bench_near_dedup.py"
DOCUMENTS = 1_500
PATIENCE_S = 900


@dataclass(frozen=True)
class Moment:
    """When the process group is killed: as soon as this holds of the work folder."""

    name: str
    reached: Callable[[Path], bool]


def bytes_of(work: Path) -> int:
    """Return the bytes of the signature files that are there."""
    return sum(path.stat().st_size for path in work.glob("signatures/**/*.sig"))


def completions(work: Path) -> int:
    """Return how many tasks of the first stage are marked as done."""
    return len(list(work.glob("logs/1/completions/*")))


MOMENTS = [
    Moment(
        "when its first signature files are there", lambda work: bool(list(work.glob("signatures/**/*.sig")))
    ),
    Moment("when one of two tasks is done", lambda work: completions(work) == 1),
]


def make_input(folder: Path) -> Path:
    """Write two shards of English documents, a small and a large one, so that one task is done first."""
    corpus = make_corpus(folder / "demo", documents=DOCUMENTS, seed=3).corpus
    english = pa.concat_tables(
        pq.read_table(path, columns=["id", "text"]).cast(
            pa.schema([("id", pa.string()), ("text", pa.string())])
        )
        for path in sorted(corpus.rglob("*.parquet"))
        if "en_" in path.as_posix()
    )
    target = folder / "input"
    target.mkdir()
    first = english.num_rows // 10
    pq.write_table(english.slice(0, first), target / "part-0.parquet")
    pq.write_table(english.slice(first), target / "part-1.parquet")
    return target


def start(source: Path, work: Path) -> subprocess.Popen[bytes]:
    """Start all four stages in a session of their own."""
    work.mkdir(parents=True, exist_ok=True)
    command = [PEERS / "bin/python", PROGRAM, "--side", "datatrove", "--input", source, "--language", "en"]
    with (work.parent / f"{work.name}.log").open("ab") as log:
        return subprocess.Popen([*command, "--work", work], stdout=log, stderr=log, start_new_session=True)


def digests(work: Path, folder: str) -> dict[str, str]:
    """Return the digest of every file below a folder of the work."""
    return {
        path.relative_to(work).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted((work / folder).rglob("*"))
        if path.is_file()
    }


def kept(work: Path) -> list[str]:
    """Return the ids of the kept documents."""
    return sorted(
        name
        for path in (work / "kept").rglob("*.parquet")
        for name in pq.read_table(path, columns=["id"])["id"].to_pylist()
    )


def strike(moment: Moment, source: Path, work: Path, undisturbed: Path) -> list[str]:
    """Kill at a moment, run again, and return the line of the table."""
    process = start(source, work)
    until = time.monotonic() + PATIENCE_S
    while not moment.reached(work):
        if process.poll() is not None or time.monotonic() > until:
            return [moment.name, "the moment did not come", "", "", "", ""]
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left = f"{completions(work)} of 2 tasks marked done, {bytes_of(work):,} bytes of signatures"
    again = start(source, work).wait(PATIENCE_S)
    same = digests(work, "signatures") == digests(undisturbed, "signatures")
    expected, found = kept(undisturbed), kept(work)
    return [
        moment.name,
        left,
        str(again),
        "yes" if same else "no",
        "yes" if found == expected else "no",
        str(len(set(expected) - set(found))),
    ]


def main() -> int:
    """Print the table; exit code 1 where datatrove could not be run at all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, help="Markdown page to put the table into")
    arguments = parser.parse_args()
    if not PEERS.exists():
        raise SystemExit("the peers' environment is missing: run `make peers` first")
    site = next((PEERS / "lib").glob("python*/site-packages"))
    version = next(found.version for found in distributions(path=[str(site)]) if found.name == "datatrove")
    lines = [
        pages.machine(),
        "",
        f"| datatrove {version}: SIGKILL in stage 1 | left behind | rerun's exit code | same signature files | same documents kept | documents lost |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = make_input(folder)
        undisturbed = folder / "undisturbed"
        if start(source, undisturbed).wait(PATIENCE_S):
            print((folder / "undisturbed.log").read_text()[-2000:], file=sys.stderr)
            return 1
        for number, moment in enumerate(MOMENTS):
            work = folder / f"killed-{number}"
            line = strike(moment, source, work, undisturbed)
            print(*line, sep=" | ", file=sys.stderr)
            lines.append(f"| {' | '.join(line)} |")
            shutil.rmtree(work)
    print("\n".join(lines))
    if arguments.page is not None:
        pages.put(arguments.page, "datatrove", "\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
