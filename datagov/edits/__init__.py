"""What changes a text: each edit returns the new texts and, document by document, what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import pyarrow as pa

from datagov.edits import (
    drop_lines,
    drop_repeated_lines,
    drop_similar_lines,
    normalise,
    redact,
    repair,
    simplify,
    span_dedup,
    width,
)
from datagov.edits.edited import Edited
from datagov.errors import ConfigError, did_you_mean
from datagov.ledger.tables import edits_schema

__all__ = ["EDITS", "Edit", "Edited", "edit_of"]


@dataclass(frozen=True)
class Edit:
    """One kind of edit."""

    version: int
    """Bumped when the same options give other texts."""
    apply: Callable[..., Edited]
    """Takes a `TextBatch` and, by name, the options; each document's result depends on these and itself alone."""
    counts: tuple[str, ...]
    """The columns it adds to the ledger's `edits` table."""
    spans: Literal["removed", "replaced"] | None = None
    """What happens to the stretches it gives as spans, which is all that it does; None: it gives none."""
    libraries: tuple[str, ...] = ()
    """The optional libraries it needs, whose versions are an option named `by`."""
    by: Literal["document", "run"] = "document"
    """`run`: it also takes, by name, the `stretches` of each document that a count over all documents found."""

    @property
    def schema(self) -> pa.Schema:
        """The columns of its `edits` table."""
        return edits_schema(*self.counts)


EDITS: Final[Mapping[str, Edit]] = MappingProxyType(
    {
        "normalise": Edit(1, normalise.apply, normalise.COUNTS),
        "repair": Edit(1, repair.apply, repair.COUNTS, libraries=("ftfy",)),
        "width": Edit(1, width.apply, width.COUNTS),
        "simplify": Edit(1, simplify.apply, simplify.COUNTS, libraries=("opencc",)),
        "drop_lines": Edit(1, drop_lines.apply, drop_lines.COUNTS, spans="removed"),
        "drop_repeated_lines": Edit(
            1, drop_repeated_lines.apply, drop_repeated_lines.COUNTS, spans="removed"
        ),
        "drop_similar_lines": Edit(2, drop_similar_lines.apply, drop_similar_lines.COUNTS, spans="removed"),
        "span_dedup": Edit(1, span_dedup.apply, span_dedup.COUNTS, spans="removed", by="run"),
        "redact": Edit(1, redact.apply, redact.COUNTS, spans="replaced", libraries=redact.LIBRARIES),
    }
)
"""Kind of step -> edit."""


def edit_of(kind: str) -> Edit:
    """Return the edit of a kind.

    Raises
    ------
    ConfigError
        There is no such edit.
    """
    if kind not in EDITS:
        raise ConfigError(f"there is no edit {kind!r}. {did_you_mean(kind, EDITS)}")
    return EDITS[kind]
