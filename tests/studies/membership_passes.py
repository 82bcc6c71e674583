"""Methods that take more than one pass over a lab's texts: a reference model, perturbed texts, shots, continuations."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagov.storage import encode_table, replace
from detectors.demo import score_sets
from detectors.lab.train import Lab, LabSettings
from detectors.lab.training import train_model
from detectors.membership import method
from detectors.ragged import TokenBatch
from detectors.scoring import Extras, Tracer, make_inputs, tracer_of
from detectors.targets.opening import OpenOptions, open_target
from detectors.targets.windows import plan_windows
from detectors.texts import read_texts

__all__ = ["FURTHER", "SHOTS", "SHOT_CHARS", "SHOT_WINDOW", "Scored", "further_scores"]

PASSES = ("surp", "pac", "reference", "verbatim")
AFTER_SHOTS = ("recall", "con_recall")
FURTHER = (*PASSES, *AFTER_SHOTS)
SHOTS, SHOT_CHARS, SHOT_WINDOW = 2, 40, 64
"""Texts put before each window, their characters, and the tokens of a window: what a lab's context holds."""
KNOWN = 6
"""Members that shots are drawn from and that are not scored after them."""


@dataclass(frozen=True)
class Scored:
    """One method's scores of a lab; NaN where a text has none."""

    members: np.ndarray
    times: np.ndarray
    """How often each member was seen."""
    non_members: np.ndarray


def further_scores(lab: Lab, settings: LabSettings, folder: Path) -> dict[str, Scored]:
    """Return the scores of each method of `FURTHER`.

    The reference has the lab's tokenizer, size and training, on the texts that only tokenizer and frequency table saw.
    Shots of non-members are drawn from the calibration texts, those of members from members left out here.
    """
    extras = Extras(lab.frequency, reference_of(lab, settings, folder / "reference"), seed=settings.seed)
    files = score_sets(lab, folder / "passes", ("members", "non_members"), PASSES, extras)
    tables = {name: pq.read_table(path, columns=["method", "score"]) for name, path in files.items()}
    times = pq.read_table(lab.texts("members")).column("repetition").to_numpy()
    found = {
        name: Scored(_of(tables["members"], name), times, _of(tables["non_members"], name)) for name in PASSES
    }
    return found | after_shots(lab, settings, folder)


def reference_of(lab: Lab, settings: LabSettings, folder: Path) -> Tracer:
    """Train the reference model, and return it as what traces are asked of."""
    texts = pq.read_table(lab.texts("background")).column("text").to_pylist()
    encoded = open_target(str(lab.model), OpenOptions(device="cpu")).encode(texts)
    rows = TokenBatch.of([np.concatenate(([0], encoded.row(row), [1])) for row in range(len(encoded))])
    train_model(rows, settings.model, seed=settings.seed + 1).save_pretrained(folder)
    shutil.copy(lab.model / "tokenizer.json", folder)
    target = open_target(str(folder), OpenOptions(device="cpu"))
    return tracer_of(target, plan_windows(target))


def after_shots(lab: Lab, settings: LabSettings, folder: Path) -> dict[str, Scored]:
    """Score the first tokens of each text, alone and after shots."""
    target = open_target(str(lab.model), OpenOptions(device="cpu"))
    tracer = tracer_of(target, plan_windows(target, window_tokens=SHOT_WINDOW, policy="first"))
    members, strange = (pq.read_table(lab.texts(name)) for name in ("members", "calibration"))
    known = np.zeros(members.num_rows, dtype=np.bool_)
    known[np.flatnonzero(members.column("repetition").to_numpy() == 4)[:KNOWN]] = True
    pools = {
        role: [text[:SHOT_CHARS] for text in table.column("text").to_pylist()]
        for role, table in {"non_member": strange, "member": members.filter(pa.array(known))}.items()
    }
    asked = {
        "members": members.filter(pa.array(~known)),
        "non_members": pq.read_table(lab.texts("non_members")),
    }
    methods = [method(name) for name in AFTER_SHOTS]
    values: dict[str, list[np.ndarray]] = {name: [] for name in AFTER_SHOTS}
    for side, table in asked.items():
        path = folder / f"{side}-after-shots.parquet"
        replace(path, encode_table(table))
        extras = Extras(pools=pools, shots=SHOTS, seed=settings.seed)
        inputs, _ = make_inputs(tracer, read_texts(str(path)), methods, extras)
        for one in methods:
            values[one.name].append(one.score(inputs, one.defaults).values)
    times = asked["members"].column("repetition").to_numpy()
    return {name: Scored(of[0], times, of[1]) for name, of in values.items()}


def _of(table: pa.Table, name: str) -> np.ndarray:
    rows = table.filter(pc.equal(table.column("method"), name))
    return rows.column("score").to_numpy().astype(np.float64)
