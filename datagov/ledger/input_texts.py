"""Reading the text of a few documents back from the input shards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datagov.columns import Columns
from datagov.documents import read_texts as texts_of_shard
from datagov.errors import InputError
from datagov.places import is_url
from datagov.shards import InputForm, WebForm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datagov.ledger.reader import Ledger

__all__ = ["Place", "input_root", "read_texts"]


@dataclass(frozen=True)
class Place:
    """Where a document stands in the input, and how long its text was when it was measured."""

    shard: str
    row: int
    bytes: int | None
    piece_start: int | None = None
    """Where a piece begins in the text of its row, in bytes; None for a document that is no piece."""


def input_form(recorded: Mapping[str, Any]) -> InputForm:
    """Return how the input of a run is written down, from its manifest."""
    return InputForm(
        format=recorded.get("format", "parquet"),
        columns=Columns(**recorded["columns"]),
        fields=tuple(recorded.get("fields", {}).items()),
        hive=recorded.get("hive", False),
        path_column=recorded.get("path_column"),
        max_document_chars=recorded.get("max_document_chars", InputForm.max_document_chars),
        web=None if recorded.get("web") is None else WebForm(**recorded["web"]),
        long_documents=recorded.get("long_documents", InputForm.long_documents),
    )


def input_root(ledger: Ledger, override: Path | None) -> str:
    """Return the input's file or folder: `override`, or the path in the run's manifest.

    A relative path is looked for from the working folder, then from the output folder.

    Raises
    ------
    InputError
        If it is not there.
    """
    if override is not None:
        if not override.exists():
            raise InputError(f"There is no input at {override}.")
        return str(override)
    recorded = str(ledger.manifest["input"]["path"])
    if is_url(recorded):
        return recorded
    for candidate in (Path(recorded), ledger.root / recorded):
        if candidate.exists():
            return str(candidate)
    raise InputError(
        f"The input of {ledger.root}@{ledger.run_id} is no longer at {recorded}. Say where it is with --input PATH."
    )


def read_texts(ledger: Ledger, places: Sequence[Place], *, override: Path | None = None) -> list[str | None]:
    """Return the documents' texts as they stand in the input, in the order of `places`.

    None where the text is NULL, not UTF-8, or no longer as long as when it was measured: then the
    shard was rewritten since the run, and what stands there is another document.

    Raises
    ------
    InputError
        If the input, a shard or a row is not there.
    """
    root = input_root(ledger, override)
    form = input_form(ledger.manifest["input"])
    by_shard: dict[str, list[int]] = {}
    for index, place in enumerate(places):
        by_shard.setdefault(place.shard, []).append(index)
    texts: list[str | None] = [None] * len(places)
    for shard, indices in sorted(by_shard.items()):
        rows = [places[index].row for index in indices]
        for index, text in zip(indices, texts_of_shard(root, form, shard, rows), strict=True):
            expected, start = places[index].bytes, places[index].piece_start
            if text is not None and start is not None and expected is not None:
                text = text[start : start + expected]  # noqa: PLW2901
            if text is not None and (expected is None or len(text) == expected):
                texts[index] = decoded(text)
    return texts


def decoded(text: bytes) -> str | None:
    """Return UTF-8 text, or None."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return None
