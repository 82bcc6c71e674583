"""Measure what is claimed of membership verdicts, on real text, and write docs/membership.md.

    python tests/studies/membership.py [--corpus ../shared/corpus] [--output docs/membership.md]

Everything is seeded (three seeds); a run takes about half an hour on two cores that others use as well.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from membership_error import ALPHA, CONTROL_HEAD, SPLITS, control_row
from membership_lab import SETTINGS, lab_sections

from detectors.lab.time_shift import shift_texts
from detectors.membership.sizes import utf8_bytes, zlib_bytes
from detectors.statistics.blind import BlindCheck, blind_check
from detectors.statistics.blind_features import similarity
from detectors.statistics.overlap import near_duplicates
from detectors.statistics.set_tests import permutation_p, rank_sum_p

ROOT = Path(__file__).parents[2]
SEEDS = (0, 1, 2)
SOURCES = {"zh_laws": ("zh_laws",), "en_mixed + en_web": ("en_mixed", "en_web")}
DOCUMENTS = 600
CHARS = 2000
HEAD = """# What was measured of membership verdicts

Written by `make membership-study` on real text; every figure of a table is of one run. [Decision 16](decisions/0016-no-evidence-without-a-blind-check.md) says why verdicts are as they are."""
BLIND_SPLITS = 200
MILD = 4
"""One text in so many is moved in a milder shift."""


@dataclass(frozen=True)
class Pool:
    """Documents of one kind, near-duplicates left out, the first characters of each."""

    name: str
    texts: pa.LargeStringArray

    @property
    def scores(self) -> np.ndarray:
        """A score that no training can have moved: bytes over compressed bytes."""
        texts = self.texts.to_pylist()
        return utf8_bytes(texts) / zlib_bytes(texts)


def pool_of(corpus: Path, name: str, folders: tuple[str, ...]) -> Pool:
    texts: list[str] = []
    for folder in folders:
        column = pq.read_table(min((corpus / folder).glob("*.parquet")), columns=["text"]).column("text")
        texts += [
            text[:CHARS] for text in column.slice(0, 4 * DOCUMENTS).to_pylist() if text and text.strip()
        ]
    array = pa.array(texts, pa.large_string())
    clusters = near_duplicates(array)
    first = np.flatnonzero(clusters == np.arange(len(clusters)))
    drawn = np.random.default_rng(0).permutation(first)[:DOCUMENTS]
    return Pool(name, array.take(pa.array(np.sort(drawn))))


def error_control(pools: list[Pool]) -> str:
    """Calibration: the realised rate, and the law of the counts."""
    rows = [control_row(pool.name, seed, pool.scores) for pool in pools for seed in SEEDS]
    return "\n".join(
        [
            "## Error control of single documents",
            "",
            (
                f"{SPLITS} splits of unseen documents into n0 calibration documents and 20 tested ones, at {ALPHA:.0%}. "
                "The realised rate of false evidence has to equal floor(α (n0 + 1)) / (n0 + 1), and the counts have to follow the "
                "beta-binomial law (p of a χ² test with five cells)."
            ),
            "",
            *CONTROL_HEAD,
            *rows,
        ]
    )


def excerpts(corpus: Path, folders: tuple[str, ...]) -> list[str]:
    """Return the documents a lab divides, as many of each folder."""
    tables = [
        pa.concat_tables(
            [pq.read_table(path, columns=["text"]) for path in sorted((corpus / folder).glob("*.parquet"))]
        )
        for folder in folders
    ]
    each = min(table.num_rows for table in tables)
    return [text for table in tables for text in table.column("text").slice(0, each).to_pylist() if text]


def null_sets(pools: list[Pool]) -> str:
    """Set tests where both sides are unseen: rejections at the nominal rate."""
    rows = []
    for pool in pools:
        for seed in SEEDS:
            generator, scores = np.random.default_rng(seed), pool.scores
            rejected = np.zeros(2, dtype=int)
            for trial in range(SPLITS):
                order = generator.permutation(len(scores))
                sides = scores[order[:100]], scores[order[100:300]]
                rejected += (
                    rank_sum_p(*sides) <= ALPHA,
                    permutation_p(*sides, permutations=199, seed=trial) <= ALPHA,
                )
            rates = rejected / SPLITS
            rows.append(f"| {pool.name} | {seed} | {rates[0]:.3f} | {rates[1]:.3f} |")
    return "\n".join(
        [
            "## Tests of sets without a difference",
            "",
            (
                f"{SPLITS} splits into 100 suspects and 200 non-members, none of them seen by any model, at {ALPHA:.0%}; 95 % of runs "
                f"lie within ± {1.96 * np.sqrt(ALPHA * (1 - ALPHA) / SPLITS):.3f}."
            ),
            "",
            "| text | seed | rank-sum | permutation |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def blind_alarms(pools: list[Pool]) -> str:
    """The blind check on i.i.d. halves."""
    rows = []
    for pool in pools:
        kernel = similarity(pool.texts)
        count = len(pool.texts)
        for seed in SEEDS:
            generator = np.random.default_rng(seed)
            found = [
                blind_check(kernel, generator.permutation(count) < count // 2, permutations=199, seed=trial)
                for trial in range(BLIND_SPLITS)
            ]
            outcomes = Counter(check.outcome for check in found)
            rows.append(
                f"| {pool.name} | {count} | {seed} | {outcomes['separated'] / BLIND_SPLITS:.1%} | {outcomes['equivalent'] / BLIND_SPLITS:.1%} | "
                f"{outcomes['undecided'] / BLIND_SPLITS:.1%} | {np.mean([check.auroc for check in found]):.3f} |"
            )
    return "\n".join(
        [
            "## False alarms of the blind check",
            "",
            f"{BLIND_SPLITS} random halves of documents that are alike. `separated` is a false alarm.",
            "",
            "| text | documents | seed | separated | equivalent | undecided | mean AUROC |",
            "|---|---|---|---|---|---|---|",
            *rows,
        ]
    )


def blind_row(name: str, found: BlindCheck) -> str:
    """Return a line of the table of shifts."""
    return (
        f"| {name} | {found.suspects} + {found.non_members} | {found.outcome} | {found.auroc:.3f} "
        f"[{found.low:.3f}, {found.high:.3f}] | {found.p_value:.3f} |"
    )


def milder_shifts(pool: Pool) -> list[str]:
    """Random halves of texts that are alike, a part of the texts of one half moved to a later time."""
    texts, rows = pool.texts.to_pylist(), []
    for seed in SEEDS:
        order = np.random.default_rng(seed).permutation(len(texts))
        half = order[: len(texts) // 2]
        for every in (1, MILD):
            moved = half[::every]
            given = list(texts)
            for row, text in zip(moved, shift_texts([texts[row] for row in moved], seed=seed), strict=True):
                given[row] = text
            suspects = ~np.isin(np.arange(len(texts)), half)
            found = blind_check(similarity(pa.array(given, pa.large_string())), suspects, seed=seed)
            share = "all" if every == 1 else f"one in {every}"
            rows.append(blind_row(f"{pool.name}, halves, {share} of one moved, seed {seed}", found))
    return rows


def blind_shifts(labelled: Path, pools: list[Pool]) -> str:
    """The blind check on sets that differ by date."""
    table = pq.read_table(labelled / "wikimia24_64.parquet")
    texts = table.column("text").cast(pa.large_string()).combine_chunks()
    clusters = near_duplicates(texts)
    first = np.flatnonzero(clusters == np.arange(len(clusters)))
    members = np.array(table.column("label").to_pylist())[first] == 1
    plain = texts.take(pa.array(first))
    masked = pa.array(
        ["".join("0" if c.isdigit() else c for c in text) for text in plain.to_pylist()], pa.large_string()
    )
    rows = []
    for name, given in (("WikiMIA-24, 64 words", plain), ("the same with every digit masked", masked)):
        rows.append(blind_row(name, blind_check(similarity(given), ~members)))
    rows += [row for pool in pools for row in milder_shifts(pool)]
    return "\n".join(
        [
            "## Sets that differ by date",
            "",
            (
                "Members and non-members of a benchmark that are told apart without any model; every membership score on them is "
                "confounded. Below it, random halves of like texts of which one was moved to a later time, with new words and years, "
                "in all texts or in a part of them."
            ),
            "",
            "| set | documents | outcome | AUROC without a model | p |",
            "|---|---|---|---|---|",
            *rows,
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared/corpus")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/membership.md")
    parser.add_argument(
        "--only", choices=("error", "shifts", "lab"), help="write a part again, keep the others"
    )
    given = parser.parse_args()
    head, *sections = (given.output.read_text(encoding="utf-8") if given.only else HEAD).split("\n## ")
    kept = {section.partition("\n")[0]: "## " + section.strip() for section in sections}
    found: list[str] = []
    if given.only != "lab":
        pools = [pool_of(given.corpus, name, folders) for name, folders in SOURCES.items()]
        if given.only != "shifts":
            found = [error_control(pools), null_sets(pools), blind_alarms(pools)]
        found.append(blind_shifts(given.corpus.parent / "labelled", pools))
    if given.only in (None, "lab"):
        texts = {name: excerpts(given.corpus, folders) for name, folders in SOURCES.items()}
        found += lab_sections(texts, SETTINGS, SEEDS)
    made = {section.partition("\n")[0].removeprefix("## "): section for section in found}
    given.output.write_text("\n\n".join([head.strip(), *(kept | made).values()]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
