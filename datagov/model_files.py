"""Files that models are read from: named by a path where a recipe is read, known by their contents ever after."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from datagov.errors import ConfigError

__all__ = ["ModelFile", "model_file", "sha256_of"]


@dataclass(frozen=True)
class ModelFile:
    """One file, or folder of files, and what it holds. It can be a key of a cache, and travels to workers."""

    path: str
    """Absolute; the same on every machine that measures."""
    sha256: str
    """64 hex digits, what `sha256sum` prints: stored signals and the ledger know the file by them alone."""

    def check(self) -> None:
        """Read the file once, and see that it is the one the recipe was read with.

        Raises
        ------
        ConfigError
            It is not here, or holds something else.
        """
        found = sha256_of(Path(self.path))
        if found != self.sha256:
            raise ConfigError(
                f"model file {self.path}: sha256 {found[:12]}… here, {self.sha256[:12]}… where the recipe was read; "
                "every worker needs the same. Copy it to all machines, or run again if it was changed meanwhile"
            )


def model_file(path: Path) -> ModelFile:
    """Return a file and the digest of its contents.

    Raises
    ------
    ConfigError
        There is no such file, or it cannot be read.
    """
    return ModelFile(str(path.resolve()), sha256_of(path))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's contents as 64 hex digits, or raise ConfigError.

    Of a folder: that of a line for each file at any depth, in the order of their paths, with digest and path.
    """
    try:
        if path.is_dir():
            lines = [
                f"{sha256_of(file)} {file.relative_to(path).as_posix()}\n"
                for file in sorted(path.rglob("*"))
                if file.is_file()
            ]
            return hashlib.sha256("".join(lines).encode()).hexdigest()
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"model file {path}: cannot be read: {error.strerror}.") from error
