"""The project's recipe over real text, every source of it: the same bytes whoever does the work, and no document lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cluster_runs
import pytest

from datagov.ledger.explain import explain
from datagov.ledger.reader import Ledger

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.corpus]

SAMPLE = 0.03
"""Share of the documents: all shards are read, and the test stays short. 1.0 for the whole."""
STEPS: list[dict[str, Any]] = [
    {"normalise": {"form": "NFC", "strip_control": True}},
    {"filter": {"profile": "fineweb2-zh", "when": {"script": "han"}}},
    {"filter": {"profile": "gopher-en", "when": {"script": "latin"}, "otherwise": "keep"}},
    {"exact_dedup": {}},
    {"near_dedup": {"preset": "fineweb", "verify": {"jaccard": 0.7}, "keep": "longest"}},
]


def test_local_and_ray_write_the_same_bytes_over_all_sources(tmp_path: Path, corpus_root: Path) -> None:
    written = {}
    for executor, workers in (("local", 1), ("local", 2), ("ray", 2)):
        folder = tmp_path / f"{executor}-{workers}"
        columns = {"path": str(corpus_root), "text": "text", "id": "id", "source": "source", "url": "url"}
        recipe = cluster_runs.write_recipe(folder, corpus_root, input=columns, steps=STEPS)
        manifest = cluster_runs.run_in_process(recipe, executor, workers=workers, sample=SAMPLE)
        written[executor, workers] = cluster_runs.contents(folder / "out")
    assert len(manifest["parts"]) > 2
    assert written["local", 1] == written["local", 2] == written["ray", 2]
    counts = manifest["counts"]
    assert counts["documents_in"] == counts["kept"] + counts["removed"] + counts["errored"] > 1000
    ledger = Ledger.open(folder / "out")
    with ledger.connect() as connection:
        sums = "SELECT count(*), count(DISTINCT doc_id), count(*) FILTER (action = 'keep') FROM decisions"
        assert connection.execute(sums).fetchone() == (counts["documents_in"],) * 2 + (counts["kept"],)
        near = "SELECT doc_id FROM decisions WHERE step = 'near_dedup' ORDER BY doc_id LIMIT 1"
        (doc_id,) = connection.execute(near).fetchone()
    assert explain(ledger, doc_id)["cluster"]["keeper"]["action"] == "keep"
