"""What can be written in a recipe under `input`: where the documents are, and how they are written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, model_validator

from datagov.columns import Columns
from datagov.formats.jsonl import OTHER_FIELDS
from datagov.shards import InputForm
from pipelines.validation import Strict

__all__ = ["InputSpec"]


class InputSpec(Strict):
    """Where the documents are and which columns hold what."""

    path: str
    text: str = "text"
    id: str | None = None
    source: str | None = None
    url: str | None = None
    format: Literal["parquet", "jsonl", "text"] = "parquet"
    fields: dict[str, Literal["string", "int64", "float64", "bool"]] = Field(default_factory=dict)
    """JSONL only: fields that become columns of their own, and their types."""
    hive: bool = False
    """Whether folders named `key=value` give columns."""
    path_column: str | None = None
    """Name of a column with the path of each document's file."""
    max_document_chars: int = Field(default=10_000_000, gt=0)
    """A longer document is set aside with the reason `too_long`, or split."""
    long_documents: Literal["set_aside", "split"] = "set_aside"
    """What becomes of a longer document: it is set aside, or cut into pieces that are documents of their own."""
    bad_documents: Literal["set_aside", "stop"] = "set_aside"
    """What documents that cannot be used do to the run: they are recorded and it goes on, or it stops before
    anything is compared."""
    unreadable: Literal["stop", "skip"] = "stop"
    """What an unreadable shard does to the run: stop before anything is compared across documents, or
    go on without it. Either way it is recorded."""

    @model_validator(mode="after")
    def _fitting(self) -> InputSpec:
        if self.fields and self.format != "jsonl":
            raise ValueError("`fields` belongs to `format: jsonl`; columns of other formats have types")
        named = {*self.columns.named().values(), *self.fields}
        if self.format == "jsonl" and OTHER_FIELDS in named:
            raise ValueError(
                f"{OTHER_FIELDS!r} is the column of the fields that are not named; rename that field"
            )
        return self

    @property
    def columns(self) -> Columns:
        """The column mapping; a text file is named by its path, unless the recipe says otherwise."""
        named = self.file_column if self.id is None and self.format == "text" else self.id
        return Columns(text=self.text, id=named, source=self.source, url=self.url)

    @property
    def file_column(self) -> str | None:
        """The column with the path of each document's file."""
        return "path" if self.path_column is None and self.format == "text" else self.path_column

    def form(self, extra: Sequence[str] = ()) -> InputForm:
        """Return how the documents are written down; `extra` are columns that steps name."""
        fields = dict(self.fields)
        if self.format == "jsonl":
            for name in extra:
                fields.setdefault(name, "string")
        return InputForm(
            format=self.format,
            columns=self.columns,
            fields=tuple(fields.items()),
            hive=self.hive,
            path_column=self.file_column,
            max_document_chars=self.max_document_chars,
            long_documents=self.long_documents,
        )
