"""Measure datagov against the systems people use, both sides in one run: `make bench`.

Each measurement is a process of its own in the environment of the system it measures, pinned to one core
(two for whole runs with two workers) with one thread everywhere. One-core rates are bytes of UTF-8 text a
second of CPU time: a neighbour on the machine then slows neither side. Slow peers get a sample of the same
documents, its size is printed. Prints a table and writes `results.json`; ends with 1 if a side failed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OURS = sys.executable
PEERS = ROOT / ".venv-peers" / "bin" / "python"
CORPUS = ROOT.parent / "shared" / "corpus"

ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "RAYON_NUM_THREADS",
        "POLARS_MAX_THREADS",
    ),
    "1",
)

SKETCHES = {"datagov": ("bands", "signatures"), "datatrove": ("signatures",)}
"""Folders of a run's output that hold its sketches: what must be kept and moved to find duplicates."""

WRITTEN = {
    "datagov": ("bands", "signatures", "buckets", "pairs", "templates", "work"),
    "datatrove": ("signatures", "buckets", "removed"),
}
"""Folders that hold everything written on the way to a verdict, sketches included, kept documents not."""

SIGNATURE_MB = {"datagov": 64.0, "rensa": 12.0, "datasketch": 8.0, "datatrove": 4.0}
"""Most text each system is given for the signatures, in MB."""

SIGNATURE_TARGETS = {
    ("zh", "datatrove"): 40.0,
    ("en", "datatrove"): 150.0,
    ("zh", "rensa"): 5.0,
    ("en", "rensa"): 5.0,
    ("zh", "datasketch"): 25.0,
    ("en", "datasketch"): 25.0,
}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    work: str
    input: str
    ours: float | None
    theirs: float | None
    unit: str
    ratio: float | None = None
    """How many times better ours is; None where the target is a limit on ours alone."""
    target: str = ""
    reached: bool | None = None
    """None for lines that are information only, or where a side failed."""
    note: str = ""


class FailedSideError(Exception):
    """A measured process ended with an error."""


def measure(python: Path | str, program: str, *arguments: object, cores: set[int]) -> dict:
    """Run one benchmark program, pinned, and return the JSON object it printed last."""
    command = [str(python), str(HERE / program), *(str(argument) for argument in arguments)]
    start = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | ONE_THREAD,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    wall = time.perf_counter() - start
    if done.returncode:
        raise FailedSideError(
            f"{Path(program).stem}: {done.stderr.strip().splitlines()[-1:] or done.returncode}"
        )
    return json.loads(done.stdout.strip().splitlines()[-1]) | {"process_seconds": wall}


def signatures(inputs: dict[str, Path], scale: float, cores: list[int]) -> list[Row]:
    """MinHash signatures, 112 permutations, shingling counted: rates and ratios on one core."""
    rows = []
    for language, folder in inputs.items():

        def rate(side: str, shingles: str = "same", folder: Path = folder, language: str = language) -> dict:
            return measure(
                OURS if side == "datagov" else PEERS,
                "bench_signatures.py",
                *("--side", side, "--input", folder, "--language", language, "--shingles", shingles),
                *("--limit-mb", SIGNATURE_MB[side] * scale, "--repeats", 1 if side == "datatrove" else 3),
                cores={cores[-1]},
            )

        sides = [("datatrove", "same"), ("rensa", "same"), ("rensa", "cheapest")]
        sides += [("datasketch", "same"), ("datasketch", "cheapest")]
        first = attempt(lambda rate=rate: rate("datagov"))
        peers = {side: attempt(lambda rate=rate, side=side: rate(*side)) for side in sides}
        # Ours once more, so that the two sides' measurements enclose each other.
        runs = [run for run in (first, attempt(lambda rate=rate: rate("datagov"))) if isinstance(run, dict)]
        ours = max((run["bytes"] / run["cpu_seconds"] / 1e6 for run in runs), default=None)
        for (side, shingles), peer in peers.items():
            target = SIGNATURE_TARGETS[language, side] if shingles == "same" else None
            work = f"signatures vs {side}" + ("" if side == "datatrove" else f", {shingles} shingles")
            if isinstance(peer, str) or ours is None:
                note = peer if isinstance(peer, str) else f"datagov failed: {first}"
                rows.append(Row(work, folder.name, ours, None, "MB/s", None, limit(target), None, note))
                continue
            theirs = peer["bytes"] / peer["cpu_seconds"] / 1e6
            note = f"{side}: {peer['bytes'] / 1e6:.1f} MB; datagov: {runs[0]['bytes'] / 1e6:.1f} MB"
            ratio = ours / theirs
            reached = None if target is None else ratio >= target
            rows.append(Row(work, folder.name, ours, theirs, "MB/s", ratio, limit(target), reached, note))
    return rows


def limit(target: float | None) -> str:
    """Return the target of a ratio in words; empty for lines that are information only."""
    return "" if target is None else f">= {target:g}x"


def near_dedup(inputs: dict[str, Path], scale: float, cores: list[int]) -> list[Row]:
    """The near_dedup step alone as a whole process, two workers each; and the bytes its sketches take."""
    language, folder = next(iter(inputs.items()))
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        work = Path(name)
        source = folder if scale >= 1 else shards(folder, scale, work / "in")
        results: dict[str, dict | str] = {}
        # Ours twice: the first call fills the kernels' compile cache, as a first run on a machine does.
        for label, side in (("first", "datagov"), ("datagov", "datagov"), ("datatrove", "datatrove")):
            folder_of_side = work / label
            folder_of_side.mkdir()
            results[label] = attempt(
                lambda side=side, place=folder_of_side: measure(
                    OURS if side == "datagov" else PEERS,
                    "bench_near_dedup.py",
                    *("--side", side, "--input", source, "--language", language),
                    *("--work", place, "--workers", 2),
                    cores=set(cores[-2:]),
                )
            )
        ours, theirs = results["datagov"], results["datatrove"]
        rows = [whole_process(folder.name, ours, theirs, results["first"])]
        for words, tables, target in (("sketches", SKETCHES, 250), ("all dedup files", WRITTEN, None)):
            sizes = {
                side: attempt(
                    lambda side=side, tables=tables: bytes_written(work, side, tables, results[side])
                )
                for side in ("datagov", "datatrove")
            }
            rows.append(per_document(words, folder.name, sizes["datagov"], sizes["datatrove"], target))
        return rows


def bytes_written(work: Path, side: str, tables: dict[str, tuple[str, ...]], result: dict | str) -> dict:
    """Sum the files a side wrote into the folders named, a document of its input."""
    if isinstance(result, str):
        raise FailedSideError(result.removeprefix("failed: "))
    arguments = (work / side, "--tables", *tables[side], "--documents", result["documents"])
    return measure(OURS, "bench_dedup_bytes.py", *arguments, cores=os.sched_getaffinity(0))


def whole_process(name: str, ours: dict | str, theirs: dict | str, first: dict | str) -> Row:
    """Compare the wall time of two whole processes."""
    work = "near_dedup alone vs datatrove, 2 workers"
    seconds = [run["process_seconds"] if isinstance(run, dict) else None for run in (ours, theirs)]
    if seconds[0] is None or seconds[1] is None:
        note = "; ".join(run for run in (ours, theirs) if isinstance(run, str))
        return Row(work, name, *seconds, "s", None, ">= 5x", None, note)
    assert isinstance(ours, dict)
    assert isinstance(theirs, dict)
    ratio = seconds[1] / seconds[0]
    note = f"{ours['documents']} documents, kept {ours['kept']} (ours, verified) and {theirs['kept']}"
    if isinstance(first, dict):
        note += f"; our first call {first['process_seconds']:.1f} s"
    return Row(work, name, *seconds, "s", ratio, ">= 5x", ratio >= 5, note)


def per_document(what: str, name: str, ours: dict | str, theirs: dict | str, target: float | None) -> Row:
    """Compare the bytes written for deduplication a document; the target is a limit on ours."""
    sizes = [size["bytes_per_document"] if isinstance(size, dict) else None for size in (ours, theirs)]
    ratio = sizes[1] / sizes[0] if sizes[0] and sizes[1] else None
    reached = None if sizes[0] is None or target is None else sizes[0] <= target
    note = "; ".join(size for size in (ours, theirs) if isinstance(size, str))
    limit_words = "" if target is None else f"<= {target:g} B"
    return Row(f"bytes written: {what}", name, *sizes, "B/doc", ratio, limit_words, reached, note)


def warm_start(inputs: dict[str, Path], scale: float, cores: list[int]) -> list[Row]:
    """`datagov --help` and a run over 100 documents, warm, median of the calls."""
    repeats = 5 if scale >= 1 else 2
    arguments = ("--input", *inputs.values(), "--repeats", repeats)
    run = attempt(lambda: measure(OURS, "bench_start.py", *arguments, cores=set(cores)))
    rows = []
    for key, work, most in (
        ("help", "datagov --help, warm", 0.5),
        ("run", "run over 100 documents, warm", 4.0),
    ):
        if isinstance(run, str):
            rows.append(Row(work, "-", None, None, "s", None, f"< {most:g} s", None, run))
            continue
        times = run[key]
        note = f"worst {times['worst']:.2f} s, first call {times['first']:.2f} s"
        median = times["median"]
        rows.append(Row(work, "-", median, None, "s", None, f"< {most:g} s", median < most, note))
    return rows


def attempt(work: Callable[[], dict]) -> dict | str:
    """Return what `work` returns, or the reason why it failed."""
    try:
        return work()
    except FailedSideError as error:
        return f"failed: {error}"


def scratch() -> Path:
    """Return a folder on the project's disk for what the measured runs write."""
    folder = ROOT / "bench-out" / "work"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def shards(folder: Path, scale: float, target: Path) -> Path:
    """Copy the first `scale` of a folder's shards, at least one."""
    target.mkdir()
    files = sorted(folder.rglob("*.parquet"))
    for path in files[: max(1, round(len(files) * scale))]:
        shutil.copy(path, target / f"{path.parent.name}-{path.name}")
    return target


def find_inputs(corpus: Path | None, out: Path) -> dict[str, Path]:
    """Return language -> folder of shards: of the corpus named or found, else of a composed one."""
    for root in (corpus, CORPUS):
        if root is not None and (root / "zh_laws").is_dir() and (root / "en_mixed").is_dir():
            return {"zh": root / "zh_laws", "en": root / "en_mixed"}
    if corpus is not None:
        raise SystemExit(f"{corpus}: expected folders zh_laws and en_mixed with Parquet shards in it")
    from pipelines.demo.corpus import make_corpus

    made = make_corpus(out / "corpus", documents=20_000).corpus
    return {"zh": made / "zh_news", "en": made / "en_web"}


def cell(value: float | None) -> str:
    """Return a number with three digits that matter, or a dash."""
    return "-" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def show(rows: list[Row]) -> None:
    """Print the table."""
    lines = [("work", "input", "datagov", "peer", "unit", "ratio", "target", "reached")]
    for row in rows:
        ratio = "-" if row.ratio is None else f"{row.ratio:.1f}x"
        reached = {True: "yes", False: "NO", None: "-"}[row.reached]
        lines.append(
            (row.work, row.input, cell(row.ours), cell(row.theirs), row.unit, ratio, row.target, reached)
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for number, line in enumerate(lines):
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
        if number and rows[number - 1].note:
            print(f"    {rows[number - 1].note}")


def markdown(rows: list[Row], results: dict) -> str:
    """Return the table for docs/benchmarks.md."""
    machine = results["machine"]
    lines = [
        (
            f"{machine['processor']}, {machine['cores']} cores, load before {machine['load_before']:.1f}; "
            f"Python {results['versions']['python']}, numba {results['versions']['numba']}; "
            f"peers {', '.join(results['peers'])}."
        ),
        "",
        "| work | input | datagov | peer | unit | ratio | target | reached | note |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.1f}x"
        reached = {True: "yes", False: "**no**", None: ""}[row.reached]
        cells = (
            row.work,
            row.input,
            cell(row.ours),
            cell(row.theirs),
            row.unit,
            ratio,
            row.target,
            reached,
            row.note,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


BENCHMARKS = {"signatures": signatures, "near_dedup": near_dedup, "start": warm_start}


def main() -> int:
    """Run the benchmarks named, print the table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, help="folder with zh_laws and en_mixed")
    parser.add_argument("--out", type=Path, default=ROOT / "bench-out")
    parser.add_argument("--only", choices=BENCHMARKS, nargs="+", default=list(BENCHMARKS))
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual input, for a quick look")
    arguments = parser.parse_args()
    if not PEERS.exists():
        raise SystemExit("the peers' environment is missing: run `make peers` first")
    arguments.out.mkdir(parents=True, exist_ok=True)
    inputs = find_inputs(arguments.corpus, arguments.out)
    cores = sorted(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    rows: list[Row] = []
    for name in arguments.only:
        print(f"measuring {name} ...", file=sys.stderr)
        rows += BENCHMARKS[name](inputs, arguments.scale, cores)
    show(rows)
    results = {
        "machine": {"processor": processor(), "cores": os.cpu_count(), "load_before": load},
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("datagov", "numba", "numpy", "pyarrow")},
        "peers": (HERE / "peers-requirements.txt").read_text().split("\n\n")[0].splitlines()[-5:],
        "scale": arguments.scale,
        "rows": [asdict(row) for row in rows],
    }
    (arguments.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (arguments.out / "results.md").write_text(markdown(rows, results))
    return 1 if any(row.note.startswith("failed") or "failed:" in row.note for row in rows) else 0


def processor() -> str:
    """Return the processor's name as the kernel gives it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    sys.exit(main())
