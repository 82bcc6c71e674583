"""Runs of one small recipe in this process, on whatever executor, and what they left behind."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from pipelines.demo.corpus import make_corpus
from pipelines.executors import make_executor
from pipelines.parts import PART_BYTES
from pipelines.plan import make_plan
from pipelines.progress import Reporter
from pipelines.recipe import load_recipe
from pipelines.run import run

SHARDS = 3
STEPS = [
    {"normalise": {}},
    {"filter": {"profile": "gopher-en", "when": {"script": "latin"}, "otherwise": "keep"}},
    {"exact_dedup": {}},
    {"name": "words", "filter": {"bounds": {"mean_word_length": {"max": 20}}, "measure": "survivors"}},
    {"near_dedup": {"preset": "fineweb"}},
    {"span_dedup": {"unit": "sentences", "sentences": 1}},
]


def make_shards(folder: Path) -> Path:
    """Write shards of which each is a part of its own: one long document in each, set aside, fills it."""
    corpus = make_corpus(folder / "demo", documents=300, seed=5).corpus
    texts = [
        text for path in sorted(corpus.rglob("*.parquet")) for text in pq.read_table(path)["text"].to_pylist()
    ]
    target = folder / "input"
    target.mkdir()
    size = -(-len(texts) // SHARDS)
    for number in range(SHARDS):
        chosen = [*texts[number * size : (number + 1) * size], "x" * (PART_BYTES + 1)]
        table = pa.table({"text": pa.array(chosen, pa.large_string())})
        pq.write_table(table, target / f"part-{number}.parquet", compression="zstd", use_dictionary=False)
    return target


def write_recipe(folder: Path, corpus: Path, **changes: Any) -> Path:
    """Write the recipe; `changes` replace top-level keys."""
    folder.mkdir(parents=True, exist_ok=True)
    recipe = {
        "dataset": "cluster",
        "input": {"path": str(corpus), "max_document_chars": 200_000},
        "output": str(folder / "out"),
        "steps": STEPS,
        **changes,
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False))
    return path


def run_in_process(recipe: Path, executor: str, *, workers: int, **options: Any) -> dict[str, Any]:
    """Run a recipe and return its manifest."""
    plan = make_plan(load_recipe(recipe), sample=options.get("sample", 1.0))
    doer = make_executor(
        executor,
        workers=workers,
        address=options.get("address"),
        shared_filesystem=plan.seen_by_every_node,
    )
    try:
        with Reporter(quiet=True) as reporter:
            return run(plan, doer, reporter)
    finally:
        doer.close()


def contents(out: Path) -> dict[str, str]:
    """Return the digest of every file of the ledger and the data."""
    return {
        path.relative_to(out).as_posix(): sha256(path.read_bytes()).hexdigest()
        for folder in ("ledger", "data")
        for path in sorted((out / folder).rglob("*"))
        if path.is_file() and path.suffix != ".tmp"
    }
