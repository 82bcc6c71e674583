"""Plain text: one file a document; the files of one folder are a shard.

The rows of a shard are its files in the order of their names, and a document's file names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa

from datagov.columns import Choice, check_columns
from datagov.files import Files, FoundFile
from datagov.ids import digest
from datagov.shards import PROBLEMS, InputForm, Rows, Shard, Slice

__all__ = ["TextFiles", "file_bytes"]

GROUP_BYTES = 4 * 2**20
GROUP_FILES = 5_000
BATCH_BYTES = 16 * 2**20


class TextFiles:
    """Folders of text files."""

    name = "text"
    suffixes: tuple[str, ...] = (".txt",)

    def shards(self, found: Sequence[FoundFile]) -> list[tuple[str, list[FoundFile]]]:
        """Return (shard path, its files) in path order."""
        by_folder: dict[str, list[FoundFile]] = {}
        for file in found:
            name = str(PurePosixPath(file.path).with_name(f"*{self.suffixes[0]}"))
            by_folder.setdefault(name, []).append(file)
        return sorted(by_folder.items())

    def look(
        self,
        files: Files,
        path: str,
        found: Sequence[FoundFile],
        form: InputForm,
        required: Mapping[str, str],
    ) -> Shard:
        """Group the files of one folder by size and number; none is opened."""
        check_columns(self.schema(files, path, form), required, path)
        rows: list[int] = []
        sizes: list[int] = []
        for file in found:
            if not rows or sizes[-1] + file.size > GROUP_BYTES or rows[-1] == GROUP_FILES:
                rows.append(0)
                sizes.append(0)
            rows[-1] += 1
            sizes[-1] += file.size
        return Shard(
            path=path,
            size=sum(sizes),
            mtime_ns=max(file.mtime_ns for file in found),
            footer=_names(found),
            group_rows=tuple(rows),
            group_text_bytes=tuple(sizes),
        )

    def schema(self, files: Files, path: str, form: InputForm) -> pa.Schema:
        """Return the columns a slice of any shard is read with."""
        del files, path
        return pa.schema([(form.columns.text, pa.large_binary()), (str(form.path_column), pa.string())])

    def read(
        self, files: Files, piece: Slice, choose: Choice, form: InputForm, most_rows: int
    ) -> Iterator[Rows]:
        """Yield the slice's rows in order."""
        columns = choose(self.schema(files, piece.path, form))
        batch: list[FoundFile] = []
        size = 0
        for file in self._of_shard(files, piece.path)[piece.start : piece.stop]:
            batch.append(file)
            size += file.size
            if size >= BATCH_BYTES or len(batch) >= most_rows:
                yield self.rows(files, batch, columns, form)
                batch, size = [], 0
        if batch:
            yield self.rows(files, batch, columns, form)

    def texts(self, files: Files, path: str, rows: Sequence[int], form: InputForm) -> dict[int, bytes | None]:
        """Return the text at some rows."""
        found = self._of_shard(files, path)
        return {row: self.text(files, found[row], form) for row in set(rows) if row < len(found)}

    def rows(
        self, files: Files, found: Sequence[FoundFile], columns: Sequence[str] | None, form: InputForm
    ) -> Rows:
        """Return some files as rows."""
        # A file that is far too long is set aside by its size, without being read.
        long = [file.size > form.most_bytes for file in found]
        problem = np.array([PROBLEMS.index("too_long") if is_long else 0 for is_long in long], np.uint8)
        texts = [
            None if is_long else file_bytes(files, file) for file, is_long in zip(found, long, strict=True)
        ]
        made = {
            form.columns.text: pa.array(texts, pa.large_binary()),
            str(form.path_column): pa.array([file.path for file in found], pa.string()),
        }
        names = list(made) if columns is None else list(columns)
        return Rows(pa.RecordBatch.from_arrays([made[name] for name in names], names=names), problem)

    def text(self, files: Files, file: FoundFile, form: InputForm) -> bytes | None:
        """Return the text of one file."""
        del form
        return file_bytes(files, file)

    def _of_shard(self, files: Files, path: str) -> list[FoundFile]:
        folder = str(PurePosixPath(path).parent)
        return [file for file in files.inside(folder) if file.path.endswith(self.suffixes)]


def file_bytes(files: Files, file: FoundFile) -> bytes:
    """Return what a file holds."""
    with files.open(file.path) as source:
        return bytes(source.read())


def _names(found: Sequence[FoundFile]) -> str:
    return digest(*(f"{file.path}\0{file.size}\0{file.mtime_ns}" for file in found))
