"""fastText's model files, read far enough to see that they are whole: the library itself loads what is cut off.

Source: fastText 0.9.3, fasttext.cc, args.cc, dictionary.cc, densematrix.cc, quantmatrix.cc, productquantizer.cc.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Final

from datagov.errors import ConfigError

__all__ = ["supervised_labels"]

MAGIC: Final = 793712314
SUPERVISED: Final = 3
CENTROIDS: Final = 256
AS_LABEL: Final = 1


def supervised_labels(path: Path) -> list[str]:
    """Return the labels of a supervised model of fastText, in its order, having seen that its file is whole.

    Raises
    ------
    ConfigError
        It cannot be read, is no such file, is of words and not of labels, is cut off, or goes on after its end.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            reader = Reader(content)
            kind, end = reader.walk()
            size = len(content)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
    except (struct.error, IndexError, ValueError):
        raise ConfigError(f"{path}: not a model of fastText, or cut off.") from None
    if kind != SUPERVISED:
        raise ConfigError(f"{path}: a model of words, not of labels; a classifier is a supervised model.")
    if end != size:
        raise ConfigError(
            f"{path}: cut off or damaged: {size} bytes where {end} are expected. Copy it again."
        )
    return reader.labels


class Reader:
    """Walks over the parts of a file."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        self._at = 0
        self.labels: list[str] = []

    def walk(self) -> tuple[int, int]:
        """Return the kind of model, and where the file should end."""
        if self._take("i") != (MAGIC,):
            raise ValueError("magic")
        self._take("i")
        dim, *_, kind, bucket, _, _, _ = self._take("12i")
        self._take("d")
        words, pruned = self._dictionary()
        quantised = self._take("?")[0]
        self._matrix(bool(quantised), words + bucket if pruned < 0 else None, dim)
        output_too = self._take("?")[0]
        self._matrix(bool(quantised and output_too), None, dim)
        return kind, self._at

    def _take(self, form: str) -> tuple[int, ...]:
        layout = struct.Struct("<" + form)
        found = layout.unpack_from(self._content, self._at)
        self._at += layout.size
        return found

    def _dictionary(self) -> tuple[int, int]:
        size, words, _ = self._take("3i")
        _, pruned = self._take("2q")
        for _ in range(size):
            end = self._content.find(b"\0", self._at)
            if end < 0:
                raise ValueError("word")
            if self._content[end + 1 + 8] == AS_LABEL:
                self.labels.append(self._content[self._at : end].decode())
            self._at = end + 1 + 8 + 1  # its count and its kind
        self._at += 8 * max(pruned, 0)
        return words, pruned

    def _matrix(self, quantised: bool, rows: int | None, dim: int) -> None:
        if quantised:
            self._quantised()
            return
        m, n = self._take("2q")
        if n != dim or m < 0 or (rows is not None and m != rows):
            raise ValueError("matrix")
        self._at += 4 * m * n

    def _quantised(self) -> None:
        with_norms = self._take("?")[0]
        rows, _ = self._take("2q")
        (codes,) = self._take("i")
        self._at += codes
        self._quantiser()
        if with_norms:
            self._at += rows
            self._quantiser()

    def _quantiser(self) -> None:
        dim = self._take("4i")[0]
        self._at += 4 * dim * CENTROIDS
