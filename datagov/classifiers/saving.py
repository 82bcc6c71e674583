"""Writing a classifier's folder: all of it, or nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from datagov.classifiers.card import CARD, Card
from datagov.errors import ConfigError
from datagov.model_files import sha256_of

__all__ = ["refuse_existing", "save"]


def refuse_existing(folder: Path) -> None:
    """Raise ConfigError where there is something already: a model that recipes may name is not written over."""
    if folder.exists():
        raise ConfigError(f"{folder}: is there already; name a new folder, or remove it first.")


def save(folder: Path, file: str, write: Callable[[Path], None], fields: Mapping[str, Any]) -> Card:
    """Write a classifier's folder.

    Parameters
    ----------
    folder : Path
        Must not exist; the folder it lies in is made.
    file : str
        Name of the file of weights.
    write : callable
        Writes the weights to the path it is given.
    fields : mapping
        The card's fields besides `weights`.

    Returns
    -------
    Card
        As written.

    Raises
    ------
    ConfigError
        The folder exists already.
    """
    refuse_existing(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as made:
        unfinished = Path(made) / "model"
        unfinished.mkdir()
        write(unfinished / file)
        weights = {"file": file, "sha256": sha256_of(unfinished / file)}
        card = Card.model_validate({**fields, "weights": weights})
        (unfinished / CARD).write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
        for path in unfinished.iterdir():
            with path.open("rb") as written:
                os.fsync(written.fileno())
        shutil.copymode(folder.parent, unfinished)
        try:
            unfinished.rename(folder)
        except OSError as error:
            raise ConfigError(f"{folder}: cannot be written: {error.strerror}.") from error
    return card
