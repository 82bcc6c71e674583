"""What can be written in a recipe under `input`: where the documents are, and how they are written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

from pydantic import Field, model_validator

from datagov.columns import Columns
from datagov.formats.jsonl import OTHER_FIELDS
from datagov.shards import FILES_ARE_DOCUMENTS, InputForm, WebForm
from datagov.web.pages import libraries_of
from pipelines.validation import Strict

__all__ = ["InputSpec"]

WEB = ("html", "warc")
"""Formats that hold pages."""
OF_WEB = ("extract", "max_page_bytes", "agents")


class InputSpec(Strict):
    """Where the documents are and which columns hold what."""

    path: str
    text: str = "text"
    id: str | None = None
    source: str | None = None
    url: str | None = None
    opt_out: str | None = None
    """Column with the signals by which a document's owner reserves it, separated by spaces."""
    format: Literal["parquet", "jsonl", "text", "html", "warc"] = "parquet"
    fields: dict[str, Literal["string", "int64", "float64", "bool"]] = Field(default_factory=dict)
    """JSONL only: fields that become columns of their own, and their types."""
    extract: Literal["resiliparse", "all_text", "trafilatura"] = "resiliparse"
    """Web formats only: how the text of a page is found."""
    max_page_bytes: int = Field(default=16 * 2**20, gt=0)
    """Web formats only: a larger page, its compression undone, is set aside as `page_too_large`."""
    agents: list[str] = Field(default=["*"], min_length=1)
    """Web formats only: names of robots for whom reservations are read besides those for all."""
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
        for key in OF_WEB:
            if key in self.model_fields_set and self.format not in WEB:
                raise ValueError(f"`{key}` belongs to `format: html` and `format: warc`")
        named = {*self.columns.named().values(), *self.fields}
        if self.format == "jsonl" and OTHER_FIELDS in named:
            raise ValueError(
                f"{OTHER_FIELDS!r} is the column of the fields that are not named; rename that field"
            )
        return self

    @property
    def columns(self) -> Columns:
        """The column mapping; a text file is named by its path, a capture by its record, unless the recipe says otherwise."""
        named, url, opt_out = self.id, self.url, self.opt_out
        if self.format in FILES_ARE_DOCUMENTS:
            named = named or self.file_column
        if self.format == "warc":
            named, url = named or "record_id", url or "url"
        if self.format in WEB:
            opt_out = opt_out or "opt_out"
        return Columns(text=self.text, id=named, source=self.source, url=url, opt_out=opt_out)

    def record(self) -> dict[str, Any]:
        """Return what decides which documents there are and what they say, as plain data."""
        away = {"path", "unreadable", "bad_documents"}
        if self._web is None:
            away |= {*OF_WEB, *(["opt_out"] if self.opt_out is None else [])}
        record = self.model_dump(exclude=away)
        return record if self._web is None else {**record, "web": asdict(self._web)}

    @property
    def _web(self) -> WebForm | None:
        if self.format not in WEB:
            return None
        agents = tuple(sorted({"*", *(agent.lower() for agent in self.agents)}))
        return WebForm(self.extract, libraries_of(self.extract), self.max_page_bytes, agents)

    @property
    def file_column(self) -> str | None:
        """The column with the path of each document's file."""
        return "path" if self.path_column is None and self.format in FILES_ARE_DOCUMENTS else self.path_column

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
            web=self._web,
        )
