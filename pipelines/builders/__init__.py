"""One builder a kind of product: takes the chunks of a part, gives the part's table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from datagov.storage import Output
from pipelines.builders.documents import DocumentsBuilder, EditsBuilder
from pipelines.builders.keys import KeysBuilder
from pipelines.builders.signals import SignalsBuilder
from pipelines.builders.sketch import SketchBuilder
from pipelines.builders.span_keys import SpanKeysBuilder
from pipelines.products import Product
from pipelines.text_states import TextState
from pipelines.texts import Chunk, Source

__all__ = ["Builder", "builder_for"]


class Builder(Protocol):
    """Takes chunks in order, then gives the files and facts of the part."""

    product: Product

    def add(self, chunk: Chunk, state: TextState) -> None:
        """Take one chunk, seen at the product's text state."""

    def finish(self, part: str) -> tuple[list[Output], dict[str, Any]]:
        """Return the part's files and the facts for its receipt."""


def builder_for(product: Product, source: Source) -> Builder:
    """Return the builder of a product."""
    kinds: dict[str, Callable[[Product, Source], Builder]] = {
        "documents": DocumentsBuilder,
        "edits": EditsBuilder,
        "signals": SignalsBuilder,
        "keys": KeysBuilder,
        "sketch": SketchBuilder,
        "span_keys": SpanKeysBuilder,
    }
    return kinds[product.kind](product, source)
