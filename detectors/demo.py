"""The demo: train a lab whose members are known, score it, probe it, and hold what is said against what is so."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from datagov import terminal
from datagov.errors import ConfigError
from datagov.storage import encode_table, replace
from detectors.assessment.evaluation import evaluate
from detectors.assessment.labels import read_labels
from detectors.assessment.suspects import assess, open_pair
from detectors.demo_hidden import Hidden, hide_and_probe
from detectors.lab.lab_texts import LabSizes
from detectors.lab.train import Lab, LabSettings, train_lab
from detectors.lab.training import ModelSize
from detectors.membership import method, resolve_params
from detectors.score_table import Chosen, score_table
from detectors.scoring import Extras, make_inputs, tracer_of
from detectors.targets.opening import OpenOptions, open_target
from detectors.targets.windows import plan_windows
from detectors.texts import read_texts

__all__ = ["demo", "judge_set", "score_sets"]

MARK = ".datagov-detect-demo"
"""Empty file that says that a folder is the demo's to empty."""
METHODS = ("loss", "min_k", "dc_pdd")
DECLARED = "min_k"
"""The one method of the verdicts, declared beforehand."""
ALPHA = 0.05
SETTINGS = LabSettings(
    sizes=LabSizes({1: 150, 4: 100, 16: 60}, non_members=200, calibration=300, background=600),
    model=ModelSize(hidden=128, layers=2, inner=384, vocabulary=1024, context=192, rate=3e-3),
    words=40,
)


def demo(folder: Path, *, as_json: bool = False) -> bool:
    """Make the lab, score and judge its texts, probe for a hidden one; return whether what was said agrees with the truth.

    Parameters
    ----------
    folder : Path
        Gets `lab/`, `scores/` and `hidden/`. A folder of an earlier demo is emptied first.
    as_json : bool
        Print what was found as JSON and nothing else on stdout.

    Raises
    ------
    ConfigError
        The folder holds something that is not an earlier demo.
    """
    _clear(folder)
    terminal.note(f"training a small model in {folder}/lab, on texts made here ...")
    lab = train_lab(folder / "lab", SETTINGS)
    sets = ("labelled", "members", "non_members", "calibration", "shifted")
    scores = score_sets(lab, folder / "scores", sets)
    rates = [_auroc(lab, pq.read_table(scores["labelled"]), times) for times in SETTINGS.sizes.repeated]
    times = pq.read_table(lab.texts("members")).column("repetition").to_numpy()
    verdicts = {
        f"members seen {seen} times": _shares(words)
        for seen in SETTINGS.sizes.repeated
        for words in [judge_set(lab, "members", scores)[times == seen]]
    }
    verdicts["non-members"] = _shares(judge_set(lab, "non_members", scores))
    verdicts["later non-members (the trap)"] = trap = _shares(judge_set(lab, "shifted", scores))
    terminal.note(
        "hiding a text in a copy of the model, and none in its twin; forcing every token of both ..."
    )
    hidden = hide_and_probe(lab, folder / "hidden", words=SETTINGS.words)
    checks = {
        "members seen 16 times are told from non-members": min(rates[-1].values()) > 0.9,
        "most of them have evidence": verdicts["members seen 16 times"].get("evidence", 0.0) > 0.5,
        "few non-members have evidence": verdicts["non-members"].get("evidence", 0.0) <= 2 * ALPHA,
        "the trap is called confounded, and never evidence": "confounded" in trap and "evidence" not in trap,
        **hidden.checks,
    }
    if as_json:
        found = {"auroc": dict(zip(map(str, SETTINGS.sizes.repeated), rates, strict=True))}
        terminal.print_json({**found, "verdicts": verdicts, "hidden": hidden.findings, "checks": checks})
    else:
        _show(rates, verdicts, hidden, checks)
    return all(checks.values())


def score_sets(
    lab: Lab,
    folder: Path,
    sets: Sequence[str],
    methods: Sequence[str] = METHODS,
    extras: Extras | None = None,
) -> dict[str, Path]:
    """Score some sets of a lab's texts under its model; return the scores table of each."""
    target = open_target(str(lab.model), OpenOptions(device="cpu"))
    tracer = tracer_of(target, plan_windows(target), store=folder / "traces")
    chosen = [Chosen(method(name), resolve_params(method(name), {})) for name in methods]
    extras = extras or Extras(frequency=lab.frequency)
    found = {}
    for name in sets:
        texts = read_texts(str(lab.texts(name)))
        inputs, plain = make_inputs(tracer, texts, [one.method for one in chosen], extras)
        found[name] = folder / f"{name}.parquet"
        replace(found[name], encode_table(score_table(texts, tracer, chosen, inputs, plain, extras)))
    return found


def _auroc(lab: Lab, scores: pa.Table, times: int) -> dict[str, float]:
    """Return method -> AUROC of the members repeated so often against all non-members."""
    labels = read_labels(lab.texts("labelled"), scores)
    repetition = (
        pq.read_table(lab.texts("labelled")).column("repetition").to_numpy()[scores.column("text").to_numpy()]
    )
    asked = np.where((labels == 0) | (repetition == times), labels, np.nan)
    return {record["method"]: record["auroc"]["value"] for record in evaluate(scores, asked)}


def judge_set(
    lab: Lab, name: str, scores: dict[str, Path], calibration: str = "calibration"
) -> npt.NDArray[np.str_]:
    """Return the verdict of each text of a set, held against another; a lab's texts are documents of their own."""
    pair = open_pair(
        scores[name],
        scores[calibration],
        DECLARED,
        {},
        texts=str(lab.texts(name)),
        calibration_texts=str(lab.texts(calibration)),
    )
    return np.array(assess(pair, alpha=ALPHA, correction="none").verdicts.words)


def _shares(words: npt.NDArray[np.str_]) -> dict[str, float]:
    """Return verdict -> share of the suspects."""
    return {str(word): float((words == word).mean()) for word in np.unique(words)}


def _show(
    rates: list[dict[str, float]],
    verdicts: dict[str, dict[str, float]],
    hidden: Hidden,
    checks: dict[str, bool],
) -> None:
    terminal.heading("members against non-members of the same source: AUROC")
    rows: list[tuple[Any, ...]] = [
        (f"seen {times} times", *(rate[name] for name in METHODS))
        for times, rate in zip(SETTINGS.sizes.repeated, rates, strict=True)
    ]
    terminal.print_table(("members", *METHODS), rows)
    terminal.line()
    terminal.heading(f"verdicts with {DECLARED}, single texts at a false-positive rate of {ALPHA:.0%}")
    terminal.print_table(
        ("suspects", "verdict", "share"),
        [(name, word, share) for name, found in verdicts.items() for word, share in found.items()],
    )
    terminal.line()
    terminal.heading(
        "what each model is sure of after one forced token, the first three, held against its corpus"
    )
    columns = ("tier", "score", "bits", "stops", "copies", "string")
    terminal.print_table(
        ("model", "strings", *columns),
        [
            (name, len(found), *(row[column] for column in columns))
            for name, found in hidden.findings.items()
            for row in (found[:3] or [dict.fromkeys(columns)])
        ],
    )
    terminal.line()
    terminal.heading("what was said against what is so")
    for check, passed in checks.items():
        terminal.line(f"{'ok    ' if passed else 'WRONG '} {check}")


def _clear(folder: Path) -> None:
    """Empty the folder of an earlier demo, which its mark tells, and mark it."""
    mark = folder / MARK
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        raise ConfigError(f"{folder}: holds files that are not an earlier demo; choose an empty folder")
    for name in ("lab", "scores", "hidden"):
        shutil.rmtree(folder / name, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    mark.touch()
