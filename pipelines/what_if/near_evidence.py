"""What the ledger holds of a near_dedup step: buckets, keep order, every Jaccard ever measured, the old election."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.dedup.alive import Alive
from datagov.dedup.buckets import by_document
from datagov.dedup.jaccard import as_fraction
from datagov.dedup.keeper import KeepPolicy
from datagov.dedup.reelect import Compared, Earlier, reelect
from datagov.edits import EDITS
from datagov.ledger.tables import PAIRS
from pipelines.fates import ALIVE
from pipelines.removals import KEEP_PREFIX, in_keep_order
from pipelines.what_if.evidence import Evidence, Verdict, inverse, one_array, read_ledger, spread
from pipelines.what_if.unchanged_input import input_column

__all__ = ["near"]


def near(evidence: Evidence, position: int, resolved: Mapping[str, Any], alive: Alive) -> tuple[Verdict, int]:
    """Hold the election of a near_dedup step again, without texts.

    Parameters
    ----------
    evidence : Evidence
    position : int
        Of the step.
    resolved : mapping
        The step as changed: threshold, tries or keep policy may differ from the run's.
    alive : Alive
        Of all N documents.

    Returns
    -------
    Verdict
        Who is removed.
    int
        Pairs it would need to know, and that were never compared.
    """
    base = evidence.recipe.steps[position]
    ordinals, buckets = _memberships(evidence, base.name)
    members, member = np.unique(ordinals, return_inverse=True)
    order = _keep_order(evidence, position, KeepPolicy.parse(resolved["keep"]), members)
    candidates = members[order]
    place = np.full(evidence.count, -1, np.int64)
    place[candidates] = np.arange(len(candidates))
    bucket_ids, bucket_offsets = by_document(buckets, inverse(order)[member], len(members))
    threshold = as_fraction(resolved["verify"]["jaccard"])
    tells = base.resolved["keep"] == resolved["keep"] and not base.resolved["annotate"]
    held = reelect(
        bucket_ids,
        bucket_offsets,
        Alive(alive.sure[candidates], alive.possible[candidates]),
        _compared(evidence, position, place, threshold),
        _earlier(evidence, position, candidates, place)
        if tells and as_fraction(base.resolved["verify"]["jaccard"]) <= threshold
        else Earlier.nothing(len(candidates)),
        threshold=threshold,
        max_tries=resolved["tries"],
    )
    verdict = (
        spread(evidence.count, candidates, held.certain),
        spread(evidence.count, candidates, held.possible),
    )
    return verdict, held.unknown_pairs


def _memberships(evidence: Evidence, step: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (ordinal int64[M], bucket number int64[M]) of all documents that share a bucket, alive or not."""
    offsets = np.array(evidence.offsets, np.int64)
    names = pa.array(evidence.parts, pa.string())
    ordinals, keys = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)]
    for path in evidence.ledger.step_files("buckets").get(step, ()):
        table = read_ledger(path)
        part = pc.index_in(table.column("part").cast(pa.string()), value_set=names).to_numpy()
        ordinals.append(table.column("row").to_numpy() + offsets[part])
        keys.append(table.column("key").to_numpy())
    number = np.unique(np.concatenate(keys), return_inverse=True)[1]
    return np.concatenate(ordinals), number.astype(np.int64)


def _keep_order(evidence: Evidence, position: int, policy: KeepPolicy, members: np.ndarray) -> np.ndarray:
    """Return the rows of `members` (ordinals) best first, as the election of this step orders them."""
    index = pa.array(members)
    columns: dict[str, Any] = {
        "ordinal": index,
        "doc_id": one_array(evidence.documents.column("doc_id")).take(index),
    }
    for name in policy.columns:
        columns[KEEP_PREFIX + name] = input_column(evidence, name).take(index)
    edits = [step for step in evidence.recipe.steps[:position] if step.kind in EDITS]
    if edits:
        # The election measures the text as edited so far.
        files = evidence.ledger.step_files("edits")[edits[-1].name]
        lengths = pa.concat_tables([read_ledger(path, ["chars_after"]) for path in files])
        columns["chars"] = lengths.column("chars_after").take(index)
    else:
        columns["chars"] = evidence.documents.column("chars").take(index)
    return in_keep_order(policy, pa.table(columns))


def _compared(evidence: Evidence, position: int, place: np.ndarray, threshold: Fraction) -> Compared:
    """Return all pairs of this step's texts that any run of the folder compared."""
    columns: list[tuple[np.ndarray, ...]] = [tuple(np.zeros(0, np.int64) for _ in range(5))]
    for files, compared_from in _elections(evidence, position):
        pairs = _pairs(evidence, files, place)
        tried = np.full(pairs.num_rows, compared_from >= threshold)
        a, b, intersection, union = (pairs.column(at).to_numpy() for at in range(4))
        columns.append((a, b, intersection, union, tried))
    a, b, intersection, union, tried = (np.concatenate(pieces) for pieces in zip(*columns, strict=True))
    return Compared(a, b, intersection, union, tried.astype(bool))


def _elections(evidence: Evidence, position: int) -> Iterator[tuple[list[str], Fraction]]:
    """Yield the pairs files and the threshold of every election over the same texts, shingled the same way.

    A Jaccard is a fact about two texts: it does not matter which run, or which step, found it.
    """
    own = evidence.recipe.canonical()["steps"]
    wanted = _texts_compared(evidence.ledger.manifest, own, position)
    for manifest in evidence.ledger.manifests():
        if (
            not manifest["complete"]
            or manifest["input"]["digest"] != evidence.ledger.manifest["input"]["digest"]
        ):
            continue
        if manifest["recipe"]["input"] != evidence.ledger.manifest["recipe"]["input"]:
            continue
        files = {entry["step"]: entry["files"] for entry in manifest["tables"].get("pairs", ())}
        for at, step in enumerate(manifest["recipe"]["steps"]):
            if (
                step["kind"] == "near_dedup"
                and _texts_compared(manifest, manifest["recipe"]["steps"], at) == wanted
            ):
                paths = evidence.ledger.paths(files.get(step["name"], ()))
                yield paths, as_fraction(step["verify"]["jaccard"])


def _texts_compared(manifest: Mapping[str, Any], steps: Any, position: int) -> tuple[Any, ...]:
    """Return what the shingle sets of a step depend on besides the input: edits so far, and the shingle."""
    settled = manifest.get("settled", {})
    edits = [
        {**{key: value for key, value in step.items() if key != "name"}, "settled": settled.get(step["name"])}
        for step in steps[:position]
        if step["kind"] in EDITS
    ]
    return edits, steps[position]["shingle"]


def _pairs(evidence: Evidence, files: list[str], place: np.ndarray) -> pa.Table:
    """Return a, b (places in keep order), intersection, union, shared_bands; pairs of other documents left out."""
    names = ["a", "b", "intersection", "union", "shared_bands"]
    empty = PAIRS.empty_table().select(names)
    table = pa.concat_tables([empty, *(read_ledger(path, names) for path in files)])
    known = one_array(evidence.documents.column("doc_id"))
    sides = []
    for side in ("a", "b"):
        ordinal = pc.index_in(one_array(table.column(side)), value_set=known)
        at = ordinal.fill_null(0).to_numpy()
        sides.append(np.where(ordinal.is_valid().to_numpy(zero_copy_only=False), place[at], -1))
    table = table.set_column(0, "a", pa.array(sides[0])).set_column(1, "b", pa.array(sides[1]))
    return table.filter(pa.array((sides[0] >= 0) & (sides[1] >= 0)))


def _earlier(evidence: Evidence, position: int, candidates: np.ndarray, place: np.ndarray) -> Earlier:
    """Return the run's own election of this step, as far as its decisions tell of it."""
    step = evidence.recipe.steps[position].name
    fates = evidence.fates[candidates]
    pairs = _pairs(evidence, evidence.ledger.step_files("pairs").get(step, []), place)
    return Earlier.held(
        alive=(fates == ALIVE) | (fates >= position),
        kept=(fates == ALIVE) | (fates > position),
        spent=_budget_spent(evidence, step)[candidates],
        pairs=(
            pairs.column("a").to_numpy(),
            pairs.column("b").to_numpy(),
            pairs.column("shared_bands").to_numpy().astype(np.int64),
        ),
    )


def _budget_spent(evidence: Evidence, step: str) -> np.ndarray:
    """Return bool[N]: documents kept by a step with candidates left untried."""
    spent = np.zeros(evidence.count, bool)
    files = evidence.ledger.files("decisions")
    for path, offset in zip(files, evidence.offsets, strict=True):
        lists = one_array(read_ledger(path, ["reasons"]).column("reasons"))
        reasons = lists.flatten()
        noted = pc.and_(
            pc.equal(reasons.field("step"), step), pc.equal(reasons.field("rule"), "verify_budget")
        )
        at = pc.list_parent_indices(lists).to_numpy()
        spent[offset + at[noted.to_numpy(zero_copy_only=False)]] = True
    return spent
