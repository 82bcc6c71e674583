"""measure: one pass over a part; text is decoded once for everything that is said of one document."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from datagov.storage import Receipt
from pipelines.builders import builder_for
from pipelines.fates import alive_in
from pipelines.products import Product
from pipelines.run_edits import loaded
from pipelines.stage import Task, finish
from pipelines.text_states import TextState, edit
from pipelines.texts import Chunk, Source, read_part

__all__ = ["apply"]

WRITERS = 4
"""Products on their way to the disk at once; each waits for it most of the time, four times a receipt."""


def apply(task: Task) -> list[Receipt]:
    """Make the asked products of one part.

    `args`: source (Source), slices, products (one a receipt, in order), columns (input columns that
    the products need besides text, id, source and url), fates (file of the part's fates, where only the alive
    documents are to be measured, the others getting NULLs; None for all).
    """
    started = time.perf_counter()
    source: Source = task.args["source"]
    products: list[Product] = task.args["products"]
    builders = [builder_for(product, source) for product in products]
    seconds = [0.0] * len(builders)
    # A recipe's chains of edits are prefixes of one another.
    steps = loaded(task.root, task.unit, max((product.edits for product in products), key=len))
    wanted = None if task.args["fates"] is None else alive_in(task.root, task.args["fates"])
    for whole in read_part(source, task.args["slices"], task.args["columns"]):
        own = None if wanted is None else wanted[whole.start : whole.start + len(whole.text)]
        chunk = replace(whole, wanted=own)
        states = _States(chunk, steps)
        for index, builder in enumerate(builders):
            began = time.perf_counter()
            builder.add(chunk, states.at(builder.product.edits))
            seconds[index] += time.perf_counter() - began
    with ThreadPoolExecutor(WRITERS) as writers:
        under_way = []
        for index, builder in enumerate(builders):
            began = time.perf_counter()
            outputs, facts = builder.finish(task.unit)
            share = seconds[index] + time.perf_counter() - began
            under_way.append(
                writers.submit(finish, task, outputs, facts, started, receipt=index, seconds=share)
            )
        return [receipt.result() for receipt in under_way]


class _States:
    """The text states of one chunk, made in order."""

    def __init__(self, chunk: Chunk, steps: Sequence[Mapping[str, Any]]) -> None:
        self._states = [TextState(chunk.texts, chunk.start + chunk.rows)]
        for step in steps:
            self._states.append(edit(self._states[-1], step))

    def at(self, chain: tuple[Mapping[str, Any], ...]) -> TextState:
        return self._states[len(chain)]
