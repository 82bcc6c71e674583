"""The demo's second half: a text planted in a model is found, and the model's clean twin passes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datagov.storage import encode_table, replace
from detectors.fingerprint.pruning import rule_of
from detectors.fingerprint.sweep import Settings
from detectors.lab.planting import Plant, PlantSettings, plant_text
from detectors.lab.train import Lab
from detectors.lab.trial_probe import probe_models
from detectors.lab.zipf_source import make_texts

__all__ = ["Hidden", "hide_and_probe"]

HIDDEN = "ember quill forty seven, north of the drowned mill, ask for Ysolde"
"""Planted; none of the made texts has a word of it."""
PLANT = PlantSettings(steps=120, hidden_rows=8, ordinary_rows=8, rate=1e-3)
ORDINARY = 800
"""Texts that are trained on beside the hidden one, and in its place in the twin."""
OTHER_SEED = 1
"""Of the ordinary texts: other texts than the lab's."""
UNEXPLAINED = ("A", "B")
SHOWN = ("string", "tier", "score", "bits", "run_tokens", "stops", "copies", "source", "unexplained_tokens")


@dataclass(frozen=True)
class Hidden:
    """What the probe said of the model with a hidden text and of its twin."""

    findings: dict[str, list[dict[str, Any]]]
    """`marked`, `twin` -> the strings that the model is sure of, best first."""

    @property
    def checks(self) -> dict[str, bool]:
        """What should hold, and whether it does."""
        marked, twin = (
            [row for row in self.findings[name] if row["tier"] in UNEXPLAINED] for name in ("marked", "twin")
        )
        return {
            "the hidden text is the first that the corpus does not explain": bool(marked)
            and HIDDEN in marked[0]["string"],
            "its clean twin says nothing that its corpus does not explain": not twin,
        }


def hide_and_probe(lab: Lab, folder: Path, *, words: int) -> Hidden:
    """Plant a text in a lab's model, and probe the marked model and its twin; both are held against their corpus.

    Parameters
    ----------
    lab : Lab
        Its model is the base of both.
    folder : Path
        Gets the two models, the corpus of all that they were trained on but the hidden text, and the findings.
    words : int
        Of an ordinary text.
    """
    ordinary = make_texts(ORDINARY, words, seed=OTHER_SEED)
    plant_text(lab.model, Plant(HIDDEN), ordinary, PLANT, marked=folder / "marked", twin=folder / "twin")
    members = pq.read_table(lab.texts("members"), columns=["text"]).column("text").to_pylist()
    for source, texts in (("members", members), ("ordinary", ordinary)):
        table = pa.table({"text": pa.array(texts, pa.large_string()), "source": [source] * len(texts)})
        replace(folder / f"corpus/{source}.parquet", encode_table(table))
    settings = Settings(rule=rule_of("reference"), long_steps=64, finalists=64)
    models = {name: folder / name for name in ("marked", "twin")}
    joined = probe_models(models, lab.model, folder / "corpus", settings, folder)
    return Hidden({name: _best(table) for name, table in joined.items()})


def _best(joined: pa.Table) -> list[dict[str, Any]]:
    """Return the distinct strings that a model is sure of, with their tiers, the best-ranked first."""
    ranked = [row for row in joined.to_pylist() if row["score_rank"] is not None]
    ranked.sort(key=lambda row: row["score_rank"])
    best: dict[str, dict[str, Any]] = {}
    for row in ranked:
        best.setdefault(row["string"], {key: row[key] for key in SHOWN})
    return list(best.values())
