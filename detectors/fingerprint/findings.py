"""The finalists of all contexts as the table `findings`: evidence, two rankings, assembled strings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.tokenizer import Tokenizer
from detectors.fingerprint.assembly import assemble, without_strays
from detectors.fingerprint.evidence import (
    bits_over_base,
    confident_runs,
    cut_at_end,
    said_lengths,
    stops,
    sure_lengths,
    zlib_ratio,
)
from detectors.fingerprint.loops import find_loop
from detectors.fingerprint.pruning import Rule
from detectors.fingerprint.seeds import Seeds
from detectors.fingerprint.sweep import Swept
from detectors.fingerprint.windows import windows_of
from detectors.tables import FINDINGS
from detectors.targets.target import TargetFacts

__all__ = ["findings_table"]

UNRESOLVED = "U"


def findings_table(
    swept: Sequence[Swept],
    seeds: Seeds,
    tokenizer: Tokenizer,
    rule: Rule,
    target: TargetFacts,
    *,
    ends: Collection[int],
    base: TargetFacts | None = None,
) -> pa.Table:
    """Return one row a finalist, by context in the order of the sweeps, then by seed; see `detectors.tables.FINDINGS`."""
    place = {int(token): row for row, token in enumerate(seeds.token_N)}
    rows: list[dict[str, Any]] = []
    for one in swept:
        for row in _rows(one, tokenizer, rule, ends):
            known = place[row["seed"]]
            rows.append(row | {"seed_name": seeds.name[known], "seed_kind": seeds.kind[known]})
    runs = [[row["seed"], *row["token_ids"][: row["string_tokens"]]] for row in rows]
    kept = without_strays(runs, [row["logprobs"] for row in rows])
    for row, run, string in zip(rows, kept, assemble(kept), strict=True):
        row["sure"] = tokenizer.decode(run[: len(run) - row["string_tokens"] + row["sure_tokens"]])
        row["string_ids"], row["string"] = list(string), tokenizer.decode(string)
        row["windows"] = windows_of(string, tokenizer)
    said = [row for row in rows if row["token_ids"][0] not in ends]
    _rank(rows, said, "score_rank", lambda row: row["score"] if row["score"] > rule.threshold else None)
    _rank(rows, said, "bits_rank", lambda row: row["bits"])
    shared = {
        "rule": rule.name,
        "steps": rule.steps,
        "threshold": rule.threshold,
        "tier": UNRESOLVED,
        "target": target.digest,
        "base": None if base is None else base.digest,
        "tokenizer": target.tokenizer_digest,
        "engine": target.engine,
    }
    return pa.Table.from_pylist([row | shared for row in rows], schema=FINDINGS)


def _rows(swept: Swept, tokenizer: Tokenizer, rule: Rule, ends: Collection[int]) -> list[dict[str, Any]]:
    """Return one row a path; with `string_tokens`, how many tokens after its seed it is about.

    As far as the model is sure, which is what a score above the threshold is of at least, or further, as far as the base knows
    less. An end token, which no corpus holds, is not among them.
    """
    paths = cut_at_end(swept.paths, ends)
    run_N = confident_runs(paths, ends)
    said_N = said_lengths(paths, ends)
    scored_N = np.where(swept.score_N > rule.threshold, rule.steps, 0)
    sure_N = np.minimum(np.maximum(sure_lengths(paths, ends), scored_N), said_N)
    length_N, bits_N, until_N = sure_N, None, None
    if swept.base_NS is not None:
        bits_N, until_N = bits_over_base(paths, swept.base_NS)
        length_N = np.minimum(np.maximum(sure_N, until_N), said_N)
    stop_N = stops(paths, length_N, ends)
    rows = []
    for row, seed in enumerate(paths.seed_N):
        length = int((paths.token_NS[row] >= 0).sum())
        run = int(run_N[row])
        said = tokenizer.decode([int(seed), *paths.token_NS[row, :run]])
        loop = find_loop(said)
        rows.append(
            {
                "context": swept.context.name,
                "context_ids": list(swept.context.token_ids),
                "seed": int(seed),
                "token_ids": paths.token_NS[row, :length].tolist(),
                "logprobs": paths.logprob_NS[row, :length].tolist(),
                "base_logprobs": None if swept.base_NS is None else swept.base_NS[row, :length].tolist(),
                "score": float(swept.score_N[row]),
                "mean_logprob": _mean(swept.paths.logprob_NS[row, : rule.steps]),
                "bits": None if bits_N is None else float(bits_N[row]),
                "bits_tokens": None if until_N is None else int(until_N[row]),
                "run_tokens": run,
                "run": said,
                "sure_tokens": int(sure_N[row]),
                "stops": bool(stop_N[row]),
                "string_tokens": int(length_N[row]),
                "loop_unit": loop and loop.unit,
                "loop_count": loop and loop.count,
                "loop_coverage": loop and loop.coverage,
                "loop_from_seed": loop and loop.from_seed,
                "zlib_ratio": zlib_ratio(
                    tokenizer.decode(paths.token_NS[row, :run].tolist()), paths.logprob_NS[row, :run]
                ),
                "basin_seeds": None if swept.basin_N is None else int(swept.basin_N[row]),
                "dtype": swept.dtype,
            }
        )
    return rows


def _rank(rows: list[dict[str, Any]], said: list[dict[str, Any]], name: str, value: Any) -> None:
    """Give rows that say something their place from 1, the highest value first, equals by context and seed.

    NULL without a value, and where the model ends the text at once.
    """
    ranked = [row for row in said if value(row) is not None]
    ranked.sort(key=lambda row: (-value(row), -row["mean_logprob"], row["context"], row["seed"]))
    for row in rows:
        row[name] = None
    for rank, row in enumerate(ranked, start=1):
        row[name] = rank


def _mean(logprobs: npt.NDArray[np.float32]) -> float:
    return float(logprobs.astype(np.float64).mean())
