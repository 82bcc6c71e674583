"""The input of a run, read again only where it is still what the run read."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from datagov.columns import check_columns
from datagov.documents import read_slice, shard_schema
from datagov.errors import InputError
from datagov.ledger.reader import Ledger
from pipelines.carry import joined
from pipelines.plan import Plan, make_plan
from pipelines.recipe import Recipe
from pipelines.removals import KEEP_PREFIX
from pipelines.what_if.evidence import Evidence, read_ledger

__all__ = ["input_column", "plan_again"]


def plan_again(ledger: Ledger, recipe: Recipe) -> Plan:
    """Plan a recipe over the input of a run.

    Parameters
    ----------
    ledger : Ledger
        The run.
    recipe : Recipe
        Its recipe, or one that measures nothing else.

    Raises
    ------
    InputError
        The input is not there, or not what it was.
    """
    manifest = ledger.manifest
    plan = make_plan(recipe, sample=manifest["input"].get("sample", 1.0))
    listed = {shard.path for shard in plan.shards}
    # Shards that only turned out to be damaged when they were read are listed like any other.
    damaged = {
        entry["shard"]: entry["problem"]
        for entry in manifest["input"].get("unreadable", ())
        if entry["shard"] in listed
    }
    if damaged:
        plan = plan.without(damaged)
    names = [part["name"] for part in manifest["parts"]]
    if plan.input_digest != manifest["input"]["digest"] or [part.name for part in plan.parts] != names:
        raise InputError(
            f"input {plan.root}: has changed since {ledger.root}@{ledger.run_id} read it; run the recipe again"
        )
    return plan


def input_column(evidence: Evidence, name: str) -> pa.ChunkedArray:
    """Return an input column (or that of a role such as `source`) of all N documents, as it stands there.

    Only this column is read, no text.
    """
    plan = plan_again(evidence.ledger, evidence.recipe)
    column = plan.source.columns.resolve(name)
    tables = []
    for part, path in zip(plan.parts, evidence.ledger.files("documents"), strict=True):
        places = read_ledger(path, ["shard", "shard_row"])
        rows = places.column("shard_row").to_numpy()
        for piece in part.slices:
            schema = shard_schema(plan.source.root, plan.source.form, piece.path)
            check_columns(schema, {f"{name} (in keep)": column}, piece.path)
            inside = pc.equal(places.column("shard"), piece.path).to_numpy()
            found = read_slice(plan.source.root, plan.source.form, piece, [column])
            batches = [rows.batch for rows in found]
            if not batches:
                continue
            values = pa.chunked_array([batch.column(0) for batch in batches])
            values = values.take(pa.array(rows[inside] - piece.start))
            if pa.types.is_dictionary(values.type):
                values = values.cast(values.type.value_type)
            tables.append(pa.table({KEEP_PREFIX + name: values}))
    return joined(tables).column(0)
