"""The sweep of one context: every seed a step, the promising ones a few, the finalists to the end. Read `sweep`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from detectors.fingerprint.chunks import Chunk, ChunkStore
from detectors.fingerprint.contexts import Context
from detectors.fingerprint.engine import ForcingEngine
from detectors.fingerprint.evidence import basin_sizes, bits_over_base
from detectors.fingerprint.paths import Paths
from detectors.fingerprint.pruning import RULES, Rule, margin_of
from detectors.fingerprint.rescoring import held_in_fp32
from detectors.ragged import TokenBatch
from detectors.targets.target import SharesContext, Target
from detectors.targets.transformers_target import TransformersTarget

__all__ = ["BaseView", "Settings", "Swept", "sweep"]

FINAL_ROWS = {"cuda": 256, "cpu": 16}
"""Seeds of a step among the finalists: always as many, so that their numbers do not depend on how many there are."""
FINAL_BATCH_TOKENS = 2048
BITS_SLACK = {"float32": 0.05, "float64": 0.05}
HALF_PRECISION_SLACK = 2.0
"""Bits below the last place by bits at which a seed is still computed in fp32."""


@dataclass(frozen=True)
class Settings:
    """How a sweep is made."""

    rule: Rule = field(default_factory=lambda: RULES["reference"])
    long_steps: int = 64
    """Tokens of a finalist's continuation."""
    finalists: int = 512
    """Most finalists by score and, with a base model, as many by bits."""
    exhaustive: bool = False
    """Continue every seed to the end, which gives basin sizes."""
    chunk_seeds: int = 16_384
    rows: int | None = None
    """Seeds of a step in the first phase; None for what suits the device."""


@dataclass(frozen=True)
class Swept:
    """The finalists of one context, ascending by seed; all numbers of the final engine."""

    context: Context
    alive: tuple[int, ...]
    """Seeds, then those that could still reach the threshold after each of the k steps."""
    paths: Paths
    score_N: npt.NDArray[np.float64]
    base_NS: npt.NDArray[np.float32] | None
    basin_N: npt.NDArray[np.int64] | None
    dtype: str
    """Number format of the finalists' numbers."""


def sweep(
    target: TransformersTarget,
    context: Context,
    seed_N: npt.NDArray[np.int32],
    settings: Settings,
    *,
    base: Target | None = None,
    store: ChunkStore | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Swept:
    """Force every seed after one context.

    Without a base model, a seed that cannot reach the threshold any more is given up, which loses no candidate. With
    one, every seed is continued by the k steps of the score, and the finalists are those above the threshold and those
    with the most bits over the base in these steps. Exhaustive, every seed is continued to the end.
    """
    store = store or ChunkStore(None)
    seed_N = np.sort(seed_N)
    engine = ForcingEngine(target.model, target.head, context.token_ids, rows=settings.rows)
    parts = []
    for start in range(0, len(seed_N), settings.chunk_seeds):
        stop = min(start + settings.chunk_seeds, len(seed_N))
        chunk = store.read(context.name, start, stop)
        if chunk is None:
            chunk = _first_phase(engine, target.facts.dtype, context, seed_N[start:stop], settings, base)
            store.write(context.name, start, stop, chunk)
        parts.append(chunk)
        advance(stop - start)
    paths = Paths.joined([part.paths for part in parts])
    first_base = (
        None if base is None else np.concatenate([part.base_NS for part in parts if part.base_NS is not None])
    )
    margin = margin_of(target.facts.dtype)
    alive = [len(seed_N)] + [
        int(settings.rule.alive(paths.logprob_NS[:, : step + 1], margin).sum())
        for step in range(settings.rule.steps)
    ]
    with held_in_fp32(target) as (head, dtype):
        kind = "cuda" if target.model.device.type == "cuda" else "cpu"
        final = ForcingEngine(target.model, head, context.token_ids, rows=FINAL_ROWS[kind], own_steps=False)
        judge = BaseView(base, context)
        chosen = _by_score(final, paths, settings, margin)
        if first_base is not None:
            slack = BITS_SLACK.get(target.facts.dtype, HALF_PRECISION_SLACK)
            chosen = np.union1d(chosen, _by_bits(final, judge, paths, first_base, settings, slack))
        finals = _fixed(final, chosen.astype(np.int32), settings.long_steps)
        base_NS = judge.exact(finals)
    return Swept(
        context=context,
        alive=tuple(alive),
        paths=finals,
        score_N=settings.rule.scores(finals.logprob_NS),
        base_NS=base_NS,
        basin_N=basin_sizes(paths, finals) if settings.exhaustive else None,
        dtype=dtype,
    )


def _first_phase(
    engine: ForcingEngine,
    dtype: str,
    context: Context,
    seed_N: npt.NDArray[np.int32],
    settings: Settings,
    base: Target | None,
) -> Chunk:
    steps = settings.long_steps if settings.exhaustive else settings.rule.steps
    if settings.exhaustive or base is not None:
        paths = engine.extend(seed_N, steps)
        return Chunk(paths, BaseView(base, context).quick(paths))
    margin = margin_of(dtype)
    first = engine.first_step(seed_N)
    found = Paths.empty(seed_N, steps)
    found.token_NS[:, :1], found.logprob_NS[:, :1] = first.token_NS, first.logprob_NS
    promising = np.flatnonzero(settings.rule.alive(first.logprob_NS, margin))
    further = engine.extend(seed_N[promising], steps, rule=settings.rule, margin=margin)
    found.token_NS[promising], found.logprob_NS[promising] = further.token_NS, further.logprob_NS
    return Chunk(found, None)


def _by_score(final: ForcingEngine, paths: Paths, settings: Settings, margin: float) -> npt.NDArray[np.int32]:
    """Return the seeds above the threshold, at most so many of the best."""
    rule = settings.rule
    likely = paths.seed_N[rule.alive(paths.logprob_NS[:, : rule.steps], margin)]
    exact = _fixed(final, likely, rule.steps)
    scores = rule.scores(exact.logprob_NS)
    best = np.lexsort((exact.seed_N, -scores))[: settings.finalists]
    return exact.seed_N[best[scores[best] > rule.threshold]]


def _by_bits(
    final: ForcingEngine,
    judge: BaseView,
    paths: Paths,
    base_NS: npt.NDArray[np.float32],
    settings: Settings,
    slack: float,
) -> npt.NDArray[np.int32]:
    """Return the seeds with the most bits over the base in the k steps of the score."""
    steps = settings.rule.steps
    bits, _ = bits_over_base(paths.first(steps), base_NS[:, :steps])
    last = np.sort(bits)[::-1][: settings.finalists].min(initial=np.inf)
    exact = _fixed(final, paths.seed_N[bits >= last - slack], steps)
    scored = judge.exact(exact)
    assert scored is not None
    bits, _ = bits_over_base(exact, scored)
    return exact.seed_N[np.lexsort((exact.seed_N, -bits))[: settings.finalists]]


def _fixed(final: ForcingEngine, seed_N: npt.NDArray[np.int32], steps: int) -> Paths:
    """Continue seeds in batches that are always full, the last one by repeating its last seed."""
    if not len(seed_N):
        return Paths.empty(seed_N, steps)
    short = -len(seed_N) % final.rows
    padded = np.concatenate([seed_N, np.repeat(seed_N[-1:], short)])
    return final.extend(padded, steps).rows(np.arange(len(seed_N)))


class BaseView:
    """The base model's view of paths; without a base model there is none."""

    def __init__(self, base: Target | None, context: Context) -> None:
        self._base, self._context = base, context

    def quick(self, paths: Paths) -> npt.NDArray[np.float32] | None:
        """Return ln p of each token of each path."""
        return None if self._base is None else self._scored(self._base, paths, exact=False)

    def exact(self, paths: Paths) -> npt.NDArray[np.float32] | None:
        """Return the same in fp32, in batches that depend on the paths alone."""
        if not isinstance(self._base, TransformersTarget):
            return self.quick(paths)
        with held_in_fp32(self._base):
            steady = TransformersTarget(
                self._base.model, None, self._base.facts, batch_tokens=FINAL_BATCH_TOKENS
            )
            return self._scored(steady, paths, exact=True)

    def _scored(self, base: Target, paths: Paths, *, exact: bool) -> npt.NDArray[np.float32]:
        if not len(paths):
            return np.empty((0, paths.steps), np.float32)
        context = self._context.token_ids
        traced = None
        if not exact and isinstance(base, SharesContext):
            traced = base.trace_after(context, self._rows(paths, []))
        if traced is None:
            traced = base.trace(self._rows(paths, context))
        return traced.logprob_T.reshape(len(paths), -1)[:, -paths.steps :]

    @staticmethod
    def _rows(paths: Paths, context: Sequence[int]) -> TokenBatch:
        """Return a context, the seed and the path of each."""
        before = np.broadcast_to(np.array(context, np.int32), (len(paths), len(context)))
        rows_NL = np.concatenate([before, paths.seed_N[:, None], paths.token_NS], axis=1).astype(np.int32)
        return TokenBatch(np.arange(len(paths) + 1, dtype=np.int64) * rows_NL.shape[1], rows_NL.ravel())
