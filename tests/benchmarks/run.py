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
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from classifier_rows import classifiers
from dedup_rows import near_dedup, signatures
from language_rows import language, perplexity
from lexicon_rows import lexicon
from measuring import CORPUS, HERE, OURS, PEERS, ROOT, Row, attempt, measure
from membership_rows import precision, scores, token_counts, token_statistics, traces
from pii_rows import personal_data
from rule_rows import cascade, recipe, signals_en, signals_zh_laws, signals_zh_reviews


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


BENCHMARKS = {
    "signatures": signatures,
    "near_dedup": near_dedup,
    "start": warm_start,
    "signals_en": signals_en,
    "signals_zh_laws": signals_zh_laws,
    "signals_zh_reviews": signals_zh_reviews,
    "recipe": recipe,
    "cascade": cascade,
    "personal_data": personal_data,
    "lexicon": lexicon,
    "classifiers": classifiers,
    "token_statistics": token_statistics,
    "traces": traces,
    "precision": precision,
    "scores": scores,
    "token_counts": token_counts,
    "language": language,
    "perplexity": perplexity,
}
"""Name -> what measures it; `--only NAME ...` measures some of them."""

WITHOUT_PEERS = {
    "classifiers",
    "start",
    "token_statistics",
    "traces",
    "precision",
    "scores",
    "token_counts",
    "language",
    "perplexity",
}
"""Those that need no environment of other systems."""


def main() -> int:
    """Run the benchmarks named, print the table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, help="folder with zh_laws and en_mixed")
    parser.add_argument("--out", type=Path, default=ROOT / "bench-out")
    parser.add_argument("--only", choices=BENCHMARKS, nargs="+", default=list(BENCHMARKS))
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual input, for a quick look")
    arguments = parser.parse_args()
    if not PEERS.exists() and not set(arguments.only) <= WITHOUT_PEERS:
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
        "peers": (HERE / "peers-requirements.txt").read_text().split("\n\n")[0].splitlines()[-8:],
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
