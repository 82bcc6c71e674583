"""what-if: what a run would have removed with other bounds, from its ledger; nothing is measured again.

`what_if` takes the steps of the changed recipe in order. What a bound or an exact_dedup step removes follows
from stored signals and keys. A near_dedup step whose documents changed may need a Jaccard that nobody ever
measured; then the answer is a range. Why the truth always lies in it is told at `datagov.dedup.alive` and
`datagov.dedup.reelect`. With `verify` the changed recipe's cascade itself is run, which reads the texts of
the candidates of near_dedup, and the answer is that of a full rerun. Where other documents reach an edit by run, the
texts behind it may be others: that only `verify` answers, by measuring them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from datagov.dedup.alive import Alive
from datagov.edits import EDITS
from datagov.errors import ConfigError
from datagov.ledger.diff import changed_settings
from datagov.ledger.reader import Ledger
from pipelines.fates import ALIVE
from pipelines.recipe import Recipe
from pipelines.what_if.evidence import Evidence
from pipelines.what_if.filter_evidence import filtered
from pipelines.what_if.near_evidence import near
from pipelines.what_if.recorded import changed_recipe, recorded_recipe, require_measured

__all__ = ["Rerun", "what_if"]

Rerun = Callable[[Ledger, Recipe], np.ndarray]
"""Runs a changed recipe over a ledger's products and returns the fates, int16[N]."""

Range = tuple[int, int]


def what_if(ledger: Ledger, changes: Sequence[str], *, verify: Rerun | None = None) -> dict[str, Any]:
    """Say what a run would have removed with some settings changed.

    Parameters
    ----------
    ledger : Ledger
        The run.
    changes : sequence of str
        `STEP/SIGNAL.min=VALUE`, `STEP/key=VALUE`.
    verify : Rerun or None
        How to run the changed recipe; None to answer from the ledger alone.

    Returns
    -------
    dict
        `exact`: all figures are those of a full rerun. `unknown_pairs`: pairs of documents on which the
        answer depends and that were never compared. `removed`, `kept`, `newly_removed`, `newly_kept` and
        the removals of each of `steps`: `before` (where it applies), `low` and `high`; the figure of a full
        rerun is never below `low` nor above `high`. `by_source`: the kept documents of each source.
        `settings`: what was changed.

    Raises
    ------
    ConfigError
        A setting is not known, or would change what is measured.
    LedgerError
        The ledger is not whole.
    """
    if not changes:
        raise ConfigError("Say what to change: --set STEP/SIGNAL.min=VALUE.")
    recipe = recorded_recipe(ledger)
    changed = changed_recipe(recipe, changes)
    evidence = Evidence(ledger, recipe)
    require_measured(
        ledger,
        recipe,
        changed,
        sample=evidence.sample,
        documents=evidence.count,
        verify=verify is not None,
    )
    if verify is not None:
        left, removed = counted(evidence, verify(ledger, changed), len(changed.steps))
        unknown_pairs = 0
    else:
        require_same_buckets(recipe, changed)
        left, removed, unknown_pairs = decided_again(evidence, changed)
    return {
        "output": str(ledger.root),
        "run_id": ledger.run_id,
        "settings": changed_settings(recipe.canonical(), changed.canonical()),
        "recipe_digest": changed.digest,
        "verified": verify is not None,
        "exact": left.exact and all(low == high for low, high in removed),
        "unknown_pairs": unknown_pairs,
        **totals(evidence, left),
        "steps": [
            {
                "name": step.name,
                "kind": step.kind,
                "removed": figure(removed[at], before=int(np.count_nonzero(evidence.fates == at))),
            }
            for at, step in enumerate(changed.steps)
        ],
        "by_source": by_source(evidence, left),
    }


def decided_again(evidence: Evidence, changed: Recipe) -> tuple[Alive, list[Range], int]:
    """Take every step of the changed recipe; return who is left, the removals of each step, unknown pairs."""
    alive = evidence.start
    removed: list[Range] = []
    unknown_pairs = 0
    for position, step in enumerate(changed.steps):
        if step.kind in EDITS or (step.kind != "filter" and step.resolved["annotate"]):
            removed.append((0, 0))
            continue
        if step.kind == "filter":
            verdict = filtered(evidence, changed, position, alive)
        elif step.kind == "exact_dedup":
            verdict = evidence.exact(position, alive)
        else:
            verdict, unknown = near(evidence, position, step.resolved, alive)
            unknown_pairs += unknown
        alive, figures = alive.without(*verdict)
        removed.append(figures)
    return alive, removed, unknown_pairs


def counted(evidence: Evidence, fates: np.ndarray, steps: int) -> tuple[Alive, list[Range]]:
    """Return who is left, and the removals of each step, when all fates are known."""
    removed = [int(np.count_nonzero(fates == position)) for position in range(steps)]
    left = evidence.start.sure & (fates == ALIVE)
    return Alive(left, left), [(number, number) for number in removed]


def require_same_buckets(recipe: Recipe, changed: Recipe) -> None:
    """Refuse a change of the buckets that documents are compared in.

    Raises
    ------
    ConfigError
    """
    for before, after in zip(recipe.steps, changed.steps, strict=True):
        if before.resolved.get("bucket_cap") != after.resolved.get("bucket_cap"):
            raise ConfigError(
                f"step {after.name!r}: another bucket_cap makes other buckets, which the ledger does not hold; "
                "add --verify"
            )


def totals(evidence: Evidence, left: Alive) -> dict[str, Any]:
    """Return the figures of the whole run."""
    sound = evidence.start.sure
    was_kept = evidence.fates == ALIVE
    count = int(np.count_nonzero(sound))
    low, high = int(np.count_nonzero(left.sure)), int(np.count_nonzero(left.possible))
    kept_before = int(np.count_nonzero(was_kept))
    return {
        "documents_in": evidence.count,
        "errored": evidence.count - count,
        "removed": figure((count - high, count - low), before=count - kept_before),
        "kept": figure((low, high), before=kept_before),
        "newly_removed": figure(
            (int(np.count_nonzero(was_kept & ~left.possible)), int(np.count_nonzero(was_kept & ~left.sure)))
        ),
        "newly_kept": figure(
            (
                int(np.count_nonzero(~was_kept & left.sure)),
                int(np.count_nonzero(~was_kept & left.possible)),
            )
        ),
    }


def by_source(evidence: Evidence, left: Alive) -> list[dict[str, Any]]:
    """Return the kept documents of each source, before and after; None stands for no source."""
    source = evidence.documents.column("source").combine_chunks().dictionary_encode(null_encoding="encode")
    source = source if not hasattr(source, "chunks") else source.unify_dictionaries().chunk(0)
    names = source.dictionary.to_pylist()
    number = source.indices.to_numpy()
    kept = [
        np.bincount(number[which], minlength=len(names)).tolist()
        for which in (evidence.fates == ALIVE, left.sure, left.possible)
    ]
    found = [
        {"source": name, "kept": figure((kept[1][at], kept[2][at]), before=kept[0][at])}
        for at, name in enumerate(names)
    ]
    return sorted(found, key=lambda row: (row["source"] is not None, row["source"] or ""))


def figure(between: Range, *, before: int | None = None) -> dict[str, int]:
    """Return a figure as the answer shows it."""
    low, high = between
    return {**({} if before is None else {"before": before}), "low": low, "high": high}
