"""`datagov detect extract --samples`: what a model says unasked, ranked by four marks of memory and looked for in a corpus."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from datagov import terminal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from detectors.probes.sampling import Samples
    from detectors.targets.http.budget import Budget
    from detectors.targets.target import Target
    from detectors.texts import Texts

__all__ = ["extract_samples"]

FIRST = 100
"""Samples of each rank that precision is told of, as in the paper's lists of 100."""


def extract_samples(
    suspect: Target,
    given: Texts,
    *,
    smaller: Target | None,
    budget: Budget,
    count: int,
    tokens: int,
    top_k: int | None,
    run: int,
    seed: int,
    output: Path | None,
    as_json: bool,
) -> None:
    """Sample, rank, look the samples up in the texts, write and say what was found.

    What an endpoint answers is kept beside the output until that is written, so that a stopped run goes on; without an
    output it is not. The budget is for both models where both are endpoints.

    Raises
    ------
    TargetError
        A model gives no log-probabilities to rank by.
    PartialRun
        The budget of an endpoint is spent.
    """
    import shutil

    import pyarrow as pa

    from datagov.storage import encode_table, replace
    from detectors.probes.sampling import inputs_of, places, require_scores, sample, scores_of, stands_in
    from detectors.targets.http.target import HttpTarget

    models = [model for model in (suspect, smaller) if model is not None]
    remote = any(isinstance(model, HttpTarget) for model in models)
    work = output.with_name(f"{output.name}.work") if remote and output is not None else None
    for model in models:
        require_scores(model)
    asked, *others = (
        model.with_budget(budget) if isinstance(model, HttpTarget) else model for model in models
    )
    said = sample(asked, count=count, tokens=tokens, top_k=top_k, seed=seed, store=work)
    scores = scores_of(inputs_of(asked, others[0] if others else None, said.texts, store=work))
    text_N = stands_in(suspect.encode(said.texts), suspect.encode(given.strings), run)
    place_of = {name: places(score_N) for name, score_N in scores.items()}
    suspect.confirm()
    if smaller is not None:
        smaller.confirm()
    if output is not None:
        columns: dict[str, Any] = {
            "sample": pa.array(said.texts, pa.large_string()),
            "times": pa.array(said.times_N, pa.int64()),
            "text": pa.array(text_N, pa.int64(), mask=text_N < 0),
        }
        for name, score_N in scores.items():
            columns[name] = pa.array(score_N, pa.float64(), from_pandas=True)
            columns[f"{name}_place"] = pa.array(place_of[name], pa.int64(), mask=place_of[name] == 0)
        replace(output, encode_table(pa.table(columns)))
    if work is not None:
        shutil.rmtree(work, ignore_errors=True)
    record = _summary(said, text_N, place_of)
    if remote:
        record |= {"repeatable": said.repeatable, "spent": budget.record()}
    if as_json:
        terminal.print_json(record)
        return
    names = ("ranked", "first", "from_texts", "low", "high")
    terminal.print_table(("by", *names), [(name, *row.values()) for name, row in record["by"].items()])
    terminal.note(
        f"{record['distinct']} different texts in {record['samples']} samples, {record['from_texts']} of them with {run} tokens "
        "in a row of the texts"
    )
    if not said.repeatable:
        terminal.note(
            "The endpoint does not give a seed its text again: another run will have other samples."
        )
    if isinstance(suspect, HttpTarget) and len(said) == 1 and count > 1 and top_k != 1:
        terminal.note("Every sample is the same text: does the endpoint heed the temperature?")


def _summary(
    said: Samples, text_N: npt.NDArray[np.int64], place_of: dict[str, npt.NDArray[np.int64]]
) -> dict[str, Any]:
    from detectors.statistics.roc import clopper_pearson

    by = {"every sample": _row(text_N >= 0, len(said), clopper_pearson)}
    for name, place_N in place_of.items():
        first = (place_N > 0) & (place_N <= FIRST)
        by[name] = _row((text_N >= 0)[first], int((place_N > 0).sum()), clopper_pearson)
    return {
        "samples": int(said.times_N.sum()) + said.empty,
        "distinct": len(said),
        "empty": said.empty,
        "from_texts": int((text_N >= 0).sum()),
        "by": by,
    }


def _row(from_texts: npt.NDArray[np.bool_], ranked: int, interval: Any) -> dict[str, Any]:
    hits, looked = int(from_texts.sum()), len(from_texts)
    low, high = interval(hits, looked) if looked else (None, None)
    return {"ranked": ranked, "first": looked, "from_texts": hits, "low": low, "high": high}
