"""What a store of traces knows of each collection of texts: which target traced it, in which windows, in which chunks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from datagov.errors import InputError, LedgerError
from datagov.ids import digest
from datagov.storage import replace
from detectors.targets.target import TargetFacts
from detectors.targets.windows import WindowPlan

__all__ = ["TraceSet", "Which", "find_set", "origin_key", "same_set", "scored_key", "write_set"]


@dataclass(frozen=True)
class TraceSet:
    """One collection of texts, traced."""

    facts: TargetFacts
    plan: WindowPlan
    origin: str
    """`origin_key` of the two: no other traces of the same texts have it."""
    chunks: tuple[str, ...]
    """Names of the chunks that hold the traces, in the order of the texts."""

    def __str__(self) -> str:
        start = (
            "no start token"
            if self.plan.start_token_id is None
            else f"start token {self.plan.start_token_id}"
        )
        windows = f"{self.plan.policy} windows of {self.plan.window_tokens} tokens"
        return (
            f"{self.facts.name} ({self.origin}, {self.facts.dtype}, {windows}, {start}, {self.facts.engine})"
        )


@dataclass(frozen=True)
class Which:
    """Which traces of the same texts are meant; None: whichever there are."""

    target: str | None = None
    """Digest or name, or `TraceSet.origin`."""
    window_tokens: int | None = None
    window_policy: str | None = None

    def fits(self, found: TraceSet) -> bool:
        """Return whether a set, without anything put before its windows, is one that is meant."""
        return (
            found.plan.prefix == ()
            and self.target in (None, found.facts.digest, found.facts.name, found.origin)
            and self.window_tokens in (None, found.plan.window_tokens)
            and self.window_policy in (None, found.plan.policy)
        )


def origin_key(facts: TargetFacts, plan: WindowPlan) -> str:
    """Return 32 hex digits naming the conditions of a trace: target, tokenizer, engine, number format and windows."""
    return _key(facts.digest, facts.tokenizer_digest, facts.engine, facts.dtype, plan)


def scored_key(origin: Mapping[str, Any]) -> str:
    """Return `origin_key` of the traces that scores with these values of `tables.ORIGIN` were made from."""
    plan = WindowPlan(origin["window_tokens"], origin["window_policy"], origin["start_token_id"])
    return _key(origin["target"], origin["tokenizer"], origin["engine"], origin["dtype"], plan)


def write_set(root: Path, texts: Sequence[str], found: TraceSet) -> None:
    """Write down that a collection is traced.

    Raises
    ------
    PartialRun
        The disk refused.
    """
    replace(_path(root, texts, found.origin), json.dumps(asdict(found), indent=1, sort_keys=True).encode())


def find_set(root: Path, texts: Sequence[str], which: Which) -> TraceSet:
    """Return the one set of traces of exactly these texts that is meant.

    Raises
    ------
    InputError
        There is none, or more than one.
    LedgerError
        A record is damaged.
    """
    there = [found for found in _sets_of(root, texts) if found.plan.prefix == ()]
    fitting = [found for found in there if which.fits(found)]
    if len(fitting) == 1:
        return fitting[0]
    if not there:
        raise InputError(
            f"{root}: holds no traces of these texts; trace them first with `datagov detect score --target ... --traces {root}`"
        )
    listed = "; ".join(map(str, fitting or there))
    choose = "--model, as NAME or the digits behind it, --window-tokens and --window-policy"
    if fitting:
        raise InputError(
            f"{root}: holds several sets of traces of these texts: {listed}. Say which by {choose}"
        )
    raise InputError(
        f"{root}: holds traces of these texts, but none that was asked for: {listed}. Ask for one of them by {choose}, or trace "
        f"the texts as was asked for, `datagov detect score --target ... --traces {root}`"
    )


def same_set(root: Path, texts: Sequence[str], like: TraceSet, plan: WindowPlan) -> TraceSet:
    """Return the traces of other texts under the same target, cut as planned.

    Raises
    ------
    InputError
        There are none.
    LedgerError
        The record is damaged.
    """
    wanted = TraceSet(like.facts, plan, origin_key(like.facts, plan), ())
    path = _path(root, texts, wanted.origin)
    if not path.exists():
        raise InputError(
            f"{root}: a method reads traces of changed texts, and there are none by {wanted}; trace them with the method and "
            f"`datagov detect score --target ... --traces {root}`"
        )
    return _read(path)


def _key(target: str, tokenizer: str, engine: str, dtype: str, plan: WindowPlan) -> str:
    return digest(target, tokenizer, engine, dtype, json.dumps(asdict(plan), sort_keys=True))


def _sets_of(root: Path, texts: Sequence[str]) -> Iterator[TraceSet]:
    for path in sorted((root / "sets").glob(f"{digest(*texts)}-*.json")):
        yield _read(path)


def _path(root: Path, texts: Sequence[str], origin: str) -> Path:
    return root / "sets" / f"{digest(*texts)}-{origin}.json"


def _read(path: Path) -> TraceSet:
    try:
        record = json.loads(path.read_bytes())
    except ValueError:
        record = None
    if not isinstance(record, dict) or set(record) != _names(TraceSet):
        raise LedgerError(f"{path}: damaged, not the record of a set of traces; delete it and trace again")
    for name, kind in (("facts", TargetFacts), ("plan", WindowPlan)):
        found = sorted(record[name]) if isinstance(record[name], dict) else record[name]
        if found != sorted(_names(kind)):
            raise LedgerError(
                f"{path}: has {found} as {name}, expected {sorted(_names(kind))}; delete it and trace again"
            )
    facts, plan = record["facts"], record["plan"]
    return TraceSet(
        facts=TargetFacts(**{**facts, "notes": tuple(facts["notes"])}),
        plan=WindowPlan(**{**plan, "prefix": tuple(plan["prefix"])}),
        origin=record["origin"],
        chunks=tuple(record["chunks"]),
    )


def _names(kind: Any) -> set[str]:
    return {field.name for field in fields(kind)}
