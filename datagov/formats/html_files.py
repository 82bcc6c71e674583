"""HTML: one file a page, its text extracted; the files of one folder are a shard, as of plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from datagov.files import Files, FoundFile
from datagov.formats.captures import PAGE_COLUMNS, NoDocument, page_row, web_of
from datagov.formats.text_files import TextFiles, file_bytes
from datagov.shards import PROBLEMS, InputForm, Rows

__all__ = ["HtmlFiles"]


class HtmlFiles(TextFiles):
    """Folders of HTML files."""

    name = "html"
    suffixes: tuple[str, ...] = (".html", ".htm", ".xhtml")

    def schema(self, files: Files, path: str, form: InputForm) -> pa.Schema:
        """Return the columns a slice of any shard is read with."""
        del files, path
        named = [(form.columns.text, pa.large_string()), (str(form.path_column), pa.string())]
        return pa.schema([*named, *PAGE_COLUMNS.items()])

    def rows(
        self, files: Files, found: Sequence[FoundFile], columns: Sequence[str] | None, form: InputForm
    ) -> Rows:
        """Return some pages as rows."""
        schema = self.schema(files, "", form)
        read = [self._row(files, file, form) for file in found]
        names = schema.names if columns is None else list(columns)
        arrays = [pa.array([row.get(name) for row in read], schema.field(name).type) for name in names]
        problem = np.array([PROBLEMS.index(row["problem"]) for row in read], np.uint8)
        return Rows(pa.RecordBatch.from_arrays(arrays, names=names), problem)

    def text(self, files: Files, file: FoundFile, form: InputForm) -> bytes | None:
        """Return the text of one page."""
        found = self._row(files, file, form).get(form.columns.text)
        return None if found is None else found.encode()

    def _row(self, files: Files, file: FoundFile, form: InputForm) -> dict[str, Any]:
        row: dict[str, Any] = {str(form.path_column): file.path, "problem": ""}
        # A file that is too large is set aside by its size, without being read.
        if file.size > web_of(form).max_page_bytes:
            return row | {"problem": "page_too_large"}
        try:
            row |= page_row(file_bytes(files, file), None, form)
        except NoDocument as error:
            row["problem"] = str(error)
        return row
