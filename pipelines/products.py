"""What one pass over a part leaves behind, and where.

A recipe asks for products: the documents table, a signal family at a text state, sorted keys, a
sketch. A product's key is a digest of all that decides its contents, so recipes that ask for the same
product share it, and adding one rewrites none.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

from datagov.edits import edit_of
from datagov.ledger.tables import FORMAT_VERSION
from pipelines.edit_specs import EditSpec, SpanDedup
from pipelines.gates import gates_of
from pipelines.recipe import Recipe
from pipelines.run_edits import SETTLED
from pipelines.stage import stage_key
from pipelines.step_specs import ExactDedup, Filter, NearDedup

__all__ = ["AMONG", "COUNTED", "VERSIONS", "Product", "StepProducts", "edit_step", "products_of"]

AMONG = "among"
"""Of a product of some documents only: the digest of the fates that say of which."""

VERSIONS = {"documents": 1, "edits": 2, "signals": 1, "keys": 1, "sketch": 1, "span_keys": 1}
"""Bumped when the contents of a product change for the same parameters."""

COUNTED = ("min_count", "keep", "bucket_documents")
"""Options of span_dedup that its keys do not depend on: the count reads them."""


@dataclass(frozen=True)
class Product:
    """One product: its kind, what it is made with, and the text state it is made at."""

    kind: str
    key: str
    edits: tuple[Mapping[str, Any], ...]
    """The edits applied before it, in order."""
    params: Mapping[str, Any]
    label: str = ""
    """Human part of the folder's name, e.g. the family's id."""

    @property
    def folder(self) -> str:
        """`KEY` or `LABEL-KEY`."""
        return f"{self.label}-{self.key}" if self.label else self.key

    def receipt(self, part: str) -> str:
        """Path of the receipt of this product for one part."""
        return f"receipts/{self.kind}-{self.key}/{part}.json"

    def file(self, part: str, table: str | None = None) -> str:
        """Path of this product's file for one part."""
        return f"ledger/{table or self.kind}/{self.folder}/{part}.parquet"


@dataclass(frozen=True)
class StepProducts:
    """The products one step reads."""

    step: str
    products: tuple[Product, ...]

    def filter_files(self, part: str) -> dict[str, Any]:
        """Return the files a filter reads for a part: `script`, and `signals` by family id."""
        script, *families = self.products
        return {
            "script": script.file(part),
            "signals": {product.label: product.file(part) for product in families},
        }


def edit_step(kind: str, resolved: Mapping[str, Any], settled: str | None = None) -> dict[str, Any]:
    """Return all that decides what an edit step does to a text: `text_states.edit` takes it.

    `settled` names what an edit by run found.
    """
    found = {} if settled is None else {SETTLED: settled}
    return {"kind": kind, "version": edit_of(kind).version, **resolved, **found}


def products_of(
    recipe: Recipe, *, sample: float, settled: Mapping[int, str] = MappingProxyType({})
) -> tuple[Product, list[StepProducts]]:
    """Return the documents product, and for each step the products it needs, in step order.

    An edit by run needs its keys; that it is settled adds what it did. Until then no step behind it has products, as
    nobody knows the texts they would be made of. Nor has any step behind a gate (`gates_of`) until it is settled who
    went through it; the products behind it are of these documents alone.

    Parameters
    ----------
    recipe : Recipe
    sample : float
        Fraction of the documents that take part, in (0, 1].
    settled : mapping
        Position of an edit by run -> the key of what it found; of a filter with a gate -> the digest of the fates that
        say who went through.
    """
    base = {
        "format": FORMAT_VERSION,
        "dataset": recipe.dataset,
        "columns": recipe.input.columns.named(),
        **recipe.input.form().record(),
        "sample": sample,
        # What normal forms and the words of Chinese text are taken from: another version may see other text.
        "libraries": {"unicodedata": unicodedata.unidata_version, "rjieba": version("rjieba")},
    }
    edits: tuple[Mapping[str, Any], ...] = ()
    among: Mapping[str, str] = {}

    def product(kind: str, params: Mapping[str, Any], label: str = "") -> Product:
        params = {**params, **among}
        key = stage_key(kind, VERSIONS[kind], base, list(edits), dict(params))
        return Product(kind, key, edits, params, label)

    documents = product("documents", {})
    by_step: list[StepProducts] = []
    gates = gates_of(recipe.steps)
    for position, step in enumerate(recipe.steps):
        if position in gates:
            if gates[position] not in settled:
                break
            among = {AMONG: settled[gates[position]]}
        needed: list[Product] = []
        if isinstance(step.spec, SpanDedup):
            keyed = {name: value for name, value in step.resolved.items() if name not in COUNTED}
            needed = [product("span_keys", keyed)]
            if position not in settled:
                by_step.append(StepProducts(step.name, tuple(needed)))
                break
            edits = (*edits, edit_step(step.kind, step.resolved, settled[position]))
            needed.append(product("edits", {}))
        elif isinstance(step.spec, EditSpec):
            edits = (*edits, edit_step(step.kind, step.resolved))
            needed = [product("edits", {})]
        elif isinstance(step.spec, Filter):
            needed = [product("signals", {"family": "script@1", "params": {}, "when": None}, "script@1")]
            for family in step.resolved["families"]:
                params = {"when": step.resolved["when"], **family}
                needed.append(product("signals", params, family["family"]))
        elif isinstance(step.spec, ExactDedup):
            keep = {name: step.resolved[name] for name in ("on", "keep", "within")}
            needed = [product("keys", keep)]
        elif isinstance(step.spec, NearDedup):
            names = ("bands", "rows", "shingle", "seed", "within")
            needed = [product("sketch", {name: step.resolved[name] for name in names})]
        by_step.append(StepProducts(step.name, tuple(needed)))
    unknown = [StepProducts(step.name, ()) for step in recipe.steps[len(by_step) :]]
    return documents, [*by_step, *unknown]
