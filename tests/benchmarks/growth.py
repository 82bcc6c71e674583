"""How time and memory grow with the corpus: 1x, 4x, 16x of one corpus with fresh ids and edits.

Each copy of the base corpus has the letters that carry its words exchanged, so that copies are strangers to each
other while every copy keeps the exact and near duplicates that it has within. A unit is one part of text. Every
size is one process of `datagov run`, whose processor time and peak memory are the kernel's figures.

`python growth.py` prints the table and, with `--page`, writes it into docs/scale.md (`make growth`).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pages
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from pipelines.demo.corpus import make_corpus
from pipelines.parts import PART_BYTES

SIZES = (1, 4, 16)
BASE_DOCUMENTS = 4_000
LETTERS = "cgklmprsyz"
"""Letters that no stop word needs; exchanging them makes other words of the same length."""
HAN_SHARE = 0.3
STEPS = [
    {"normalise": {}},
    {"filter": {"profile": "gopher-en", "when": {"script": "latin"}}},
    {"filter": {"profile": "fineweb2-zh", "when": {"script": "han"}, "otherwise": "keep"}},
    {"exact_dedup": {}},
    {"near_dedup": {"preset": "fineweb", "verify": {"jaccard": 0.7}}},
]
PROGRAM = """
import sys
from pathlib import Path

from datagov.cli import main
from pipelines.rates import peak_bytes

code = main(sys.argv[2:])
Path(sys.argv[1]).write_text(str(peak_bytes()))
sys.exit(code)
"""
"""`datagov`, which then tells the most bytes that it held."""
SHUFFLED = ("ledger/keys", "ledger/bands", "work/gather")
"""What one stage writes by part and another reads by range."""


@dataclass(frozen=True)
class Measured:
    """One run: its input and what it took."""

    size: int
    documents: int
    parts: int
    text_bytes: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    shuffled_bytes: int
    removed: int


def base_corpus(folder: Path, documents: int = BASE_DOCUMENTS) -> pa.Table:
    """Compose the base corpus."""
    corpus = make_corpus(folder / "base", documents=documents, seed=17).corpus
    schema = pa.schema([("text", pa.large_string()), ("source", pa.string())])
    tables = [
        pq.read_table(path, columns=schema.names).cast(schema) for path in sorted(corpus.rglob("*.parquet"))
    ]
    return pa.concat_tables(tables)


def cipher(number: int, han: list[str]) -> dict[int, str]:
    """Return the exchange of letters and Han characters that makes copy `number`."""
    chance = random.Random(number)
    chosen = chance.sample(han, int(len(han) * HAN_SHARE))
    exchange: dict[int, str] = {}
    for letters in (list(LETTERS), chosen):
        exchange |= dict(zip(map(ord, letters), chance.sample(letters, len(letters)), strict=True))
    return exchange


def write_copies(base: pa.Table, folder: Path, first: int, last: int) -> None:
    """Write copies first to last - 1 of the base corpus, a shard each."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = base["text"].to_pylist()
    han = sorted({char for text in texts if text for char in text if "\u4e00" <= char <= "\u9fff"})
    for number in range(first, last):
        exchange = cipher(number, han)
        columns = {
            "id": [f"{number}-{row}" for row in range(len(texts))],
            "text": pa.array([text and text.translate(exchange) for text in texts], pa.large_string()),
            "source": base["source"],
        }
        pq.write_table(pa.table(columns), folder / f"copy-{number:05d}.parquet", compression="zstd")


def measure(size: int, corpus: Path, folder: Path) -> Measured:
    """Run the recipe over a corpus in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / "out"
    recipe = folder / "recipe.yaml"
    written = {
        "dataset": "growth",
        "input": {"path": str(corpus), "id": "id", "source": "source"},
        "output": str(out),
        "steps": STEPS,
    }
    recipe.write_text(yaml.safe_dump(written))
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        str(folder / "peak"),
        "run",
        str(recipe),
        "--workers",
        "1",
        "--json",
    ]
    started = time.perf_counter()
    with (folder / "answer.json").open("w") as answer:
        process = subprocess.Popen([*command, "--quiet"], stdout=answer)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{size}x: the run ended with {process.returncode}")
    counts = json.loads((folder / "answer.json").read_text())
    manifest = json.loads((out / "runs/r1.json").read_bytes())
    return Measured(
        size=size,
        documents=counts["documents_in"],
        parts=len(manifest["parts"]),
        text_bytes=counts["bytes_in"],
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=int((folder / "peak").read_text()),
        shuffled_bytes=sum(
            path.stat().st_size for name in SHUFFLED for path in (out / name).rglob("*") if path.is_file()
        ),
        removed=counts["removed"],
    )


def grow(sizes: tuple[int, ...], folder: Path, base: pa.Table) -> list[Measured]:
    """Measure every size, smallest first; copies are added to the same corpus."""
    copies = max(1, PART_BYTES // pc.sum(pc.binary_length(base["text"])).as_py())
    corpus = folder / "corpus"
    results, there = [], 0
    for size in sizes:
        write_copies(base, corpus, there, size * copies)
        there = size * copies
        work = folder / f"run-{size}"
        results.append(measure(size, corpus, work))
        shutil.rmtree(work)
        print(results[-1], file=sys.stderr, flush=True)
    return results


def exponent(results: list[Measured], what: str) -> float:
    """Return e of `what` ~ documents ** e, by least squares over the logarithms."""
    x = [math.log(result.documents) for result in results]
    y = [math.log(getattr(result, what)) for result in results]
    middle = sum(x) / len(x)
    return sum((a - middle) * b for a, b in zip(x, y, strict=True)) / sum((a - middle) ** 2 for a in x)


def table(results: list[Measured]) -> str:
    """Return the results as a Markdown table, with the exponents and the spread of the peak."""
    lines = [
        "| size | documents | parts | MB of text | wall s | CPU s | µs CPU a document | peak MB | bytes shuffled a document | removed |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in results:
        cells = (
            f"{one.size}x",
            f"{one.documents:,}",
            one.parts,
            f"{one.text_bytes / 1e6:.0f}",
            f"{one.seconds:.1f}",
            f"{one.cpu_seconds:.1f}",
            f"{1e6 * one.cpu_seconds / one.documents:.0f}",
            f"{one.peak_bytes / 1e6:.0f}",
            f"{one.shuffled_bytes / one.documents:.0f}",
            f"{one.removed:,}",
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    spread = max(one.peak_bytes for one in results) / min(one.peak_bytes for one in results) - 1
    last = results[-2:]
    lines += [
        "",
        (
            f"Exponent of wall time over all sizes {exponent(results, 'seconds'):.2f}, of processor time "
            f"{exponent(results, 'cpu_seconds'):.2f}; between the last two sizes {exponent(last, 'seconds'):.2f} and "
            f"{exponent(last, 'cpu_seconds'):.2f} (wanted: at most 1.05). Peak memory differs by {100 * spread:.0f} % (wanted: at "
            "most 15 %)."
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure and print; exit code 1 where a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--work", type=Path, help="where to write; default: a folder for temporary files")
    parser.add_argument("--page", type=Path, help="Markdown page to put the table into")
    arguments = parser.parse_args()
    machine = pages.machine()
    with tempfile.TemporaryDirectory(dir=arguments.work) as name:
        folder = Path(name)
        results = grow(tuple(arguments.sizes), folder, base_corpus(folder))
    made = f"{machine}\n\n{table(results)}"
    print(made)
    if arguments.page is not None:
        pages.put(arguments.page, "growth", made)
    peaks = [one.peak_bytes for one in results]
    return int(exponent(results, "seconds") > 1.05 or max(peaks) > 1.15 * min(peaks))


if __name__ == "__main__":
    sys.exit(main())
