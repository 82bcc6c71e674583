"""Forcing a model behind an endpoint: the same findings, asked for in batches, within a budget, and only what can be asked.

An endpoint that takes token ids can be asked about every token. One that takes text alone can be asked about the tokens
that their own text encodes to: the rest is not covered, and nothing is called clean. What an endpoint says after an end token
is not known: from there on a path counts as certain.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.storage import encode_table, replace
from detectors.fingerprint.chunks import Chunk, ChunkStore
from detectors.fingerprint.contexts import Context
from detectors.fingerprint.evidence import basin_sizes, bits_over_base
from detectors.fingerprint.findings import findings_table
from detectors.fingerprint.paths import Paths
from detectors.fingerprint.probe_record import with_record
from detectors.fingerprint.remote_forcer import RemoteForcer
from detectors.fingerprint.remote_plan import RemotePlan
from detectors.fingerprint.sweep import BaseView, Swept

__all__ = ["probe_remote"]

CHUNK_SEEDS: Final = 2048
"""Seeds of a file of the first phase: what an interruption costs at most."""
MARGIN: Final = 0.02
"""How far below the threshold a path is kept: an endpoint's numbers depend on who shares its batches."""


def probe_remote(
    plan: RemotePlan, output: Path | None, *, advance: Callable[[int], None] = lambda _: None
) -> tuple[list[Swept], pa.Table]:
    """Ask, write the findings, and make sure that the model is still the one that was opened; return sweeps and findings."""
    work = None if output is None else output.with_name(f"{output.name}.work")
    store = ChunkStore(None if work is None else work / plan.digest)
    swept = [_sweep(plan, context, store, advance) for context in plan.contexts]
    plan.target.confirm()
    found = findings_table(
        swept,
        plan.seeds,
        plan.target.tokenizer,
        plan.settings.rule,
        plan.target.facts,
        ends=plan.ends,
        base=None if plan.base is None else plan.base.facts,
    )
    table = with_record(found, plan.provenance())
    if output is not None and work is not None:
        replace(output, encode_table(table))
        shutil.rmtree(work, ignore_errors=True)
    return swept, table


def _sweep(plan: RemotePlan, context: Context, store: ChunkStore, advance: Callable[[int], None]) -> Swept:
    """Ask about every seed after one context; see `sweep.sweep`."""
    settings, rule = plan.settings, plan.settings.rule
    forcer = RemoteForcer(plan.target, context, plan.budget)
    view = BaseView(plan.base, context)
    parts = []
    for start in range(0, len(plan.tested_N), CHUNK_SEEDS):
        seed_N = plan.tested_N[start : start + CHUNK_SEEDS]
        chunk = store.read(context.name, start, start + len(seed_N))
        if chunk is None:
            chunk = _first_phase(forcer, view, seed_N, plan)
            store.write(context.name, start, start + len(seed_N), chunk)
        parts.append(chunk)
        advance(len(seed_N))
    paths = Paths.joined([part.paths for part in parts])
    scores = np.nan_to_num(rule.scores(paths.logprob_NS), nan=-np.inf)
    best = np.lexsort((paths.seed_N, -scores))[: settings.finalists]
    chosen = paths.seed_N[best[scores[best] > rule.threshold]]
    if plan.base is not None:
        known = [part.base_NS for part in parts if part.base_NS is not None]
        bits, _ = bits_over_base(paths.first(rule.steps), np.concatenate(known)[:, : rule.steps])
        chosen = np.union1d(chosen, paths.seed_N[np.lexsort((paths.seed_N, -bits))[: settings.finalists]])
    finals = forcer.extend(np.sort(chosen).astype(np.int32), settings.long_steps)
    alive = [len(paths)] + [
        int(rule.alive(paths.logprob_NS[:, : step + 1], MARGIN).sum()) for step in range(rule.steps)
    ]
    return Swept(
        context=context,
        alive=tuple(alive),
        paths=finals,
        score_N=rule.scores(finals.logprob_NS),
        base_NS=view.exact(finals),
        basin_N=basin_sizes(paths, finals) if settings.exhaustive else None,
        dtype=plan.target.facts.dtype,
    )


def _first_phase(
    forcer: RemoteForcer, view: BaseView, seed_N: npt.NDArray[np.int32], plan: RemotePlan
) -> Chunk:
    steps = plan.settings.long_steps if plan.settings.exhaustive else plan.settings.rule.steps
    if plan.settings.exhaustive or plan.base is not None:
        paths = forcer.extend(seed_N, steps)
        return Chunk(paths, view.quick(paths))
    first = forcer.extend(seed_N, 1)
    found = Paths.empty(seed_N, steps)
    found.token_NS[:, :1], found.logprob_NS[:, :1] = first.token_NS, first.logprob_NS
    promising = np.flatnonzero(plan.settings.rule.alive(first.logprob_NS, MARGIN))
    further = forcer.extend(seed_N[promising], steps)
    found.token_NS[promising], found.logprob_NS[promising] = further.token_NS, further.logprob_NS
    return Chunk(found, None)
