"""measure: one pass over a part; text is decoded once for everything that is said of one document."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from datagov.storage import Receipt
from pipelines.builders import builder_for
from pipelines.products import Product
from pipelines.stage import Task, finish
from pipelines.text_states import TextState, edit
from pipelines.texts import Chunk, Source, read_part

__all__ = ["apply"]


def apply(task: Task) -> list[Receipt]:
    """Make the asked products of one part.

    `args`: source (Source), slices, products (one a receipt, in order), columns (input columns that
    the products need besides text, id, source and url).
    """
    started = time.perf_counter()
    source: Source = task.args["source"]
    products: list[Product] = task.args["products"]
    builders = [builder_for(product, source) for product in products]
    seconds = [0.0] * len(builders)
    chains = _chains(products)
    for chunk in read_part(source, task.args["slices"], task.args["columns"]):
        states = _States(chunk, chains)
        for index, builder in enumerate(builders):
            began = time.perf_counter()
            builder.add(chunk, states.at(builder.product.edits))
            seconds[index] += time.perf_counter() - began
    receipts = []
    for index, builder in enumerate(builders):
        began = time.perf_counter()
        outputs, facts = builder.finish(task.unit)
        share = seconds[index] + time.perf_counter() - began
        receipts.append(finish(task, outputs, facts, started, receipt=index, seconds=share))
    return receipts


class _States:
    """The text states of one chunk, made in order."""

    def __init__(self, chunk: Chunk, chains: list[tuple[Mapping[str, Any], ...]]) -> None:
        self._states = {0: TextState(chunk.texts)}
        longest = max(chains, key=len)
        for position, step in enumerate(longest, start=1):
            self._states[position] = edit(self._states[position - 1], step)

    def at(self, chain: tuple[Mapping[str, Any], ...]) -> TextState:
        return self._states[len(chain)]


def _chains(products: list[Product]) -> list[tuple[Mapping[str, Any], ...]]:
    """Return the distinct edit chains; a recipe's chains are prefixes of one another."""
    chains = []
    for product in products:
        if product.edits not in chains:
            chains.append(product.edits)
    return chains
