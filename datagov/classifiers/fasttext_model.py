"""fastText behind one door: loaded, asked in lists of lines, trained; the library is loaded when it is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache, cached_property
from importlib import import_module, metadata
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from datagov.classifiers.fasttext_file import supervised_labels
from datagov.classifiers.tokens import LABEL
from datagov.errors import ConfigError

__all__ = ["FastText", "library", "load_fasttext", "train_fasttext"]

DISTRIBUTIONS: Final = ("fasttext-numpy2", "fasttext")
"""What installs the module `fasttext` and gives right answers for lists of lines."""
WRONG: Final = ("fasttext-wheel", "fasttext-numpy2-wheel")
"""Of 0.9.2: asked for two labels in a list, these give the first one's probability for both."""

FIT: Final = (
    "import fasttext, json, sys\n"
    "fasttext.train_supervised(**json.loads(sys.argv[1])).save_model(sys.argv[2])\n"
)
ZEROED: Final = {"MALLOC_PERTURB_": "255"}
"""glibc fills what it hands out with the complement of the lowest byte: with zeros."""


@cache
def library() -> str:
    """Return `NAME VERSION` of the installed fastText.

    Raises
    ------
    ConfigError
        There is none, or one that is known to give wrong probabilities.
    """
    versions = {}
    for name in (*DISTRIBUTIONS, *WRONG):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    for name in WRONG:
        if name in versions:
            raise ConfigError(
                f"{name} {versions[name]} gives wrong probabilities: pip uninstall {name}, then pip install "
                "'datagov[classify]'"
            )
    for name in DISTRIBUTIONS:
        if name in versions:
            return f"{name} {versions[name]}"
    raise ConfigError("fastText is not installed: pip install 'datagov[classify]'")


class FastText:
    """A supervised model, asked for the probabilities of all its labels.

    The library reads the file when it is first asked: whoever only sees to the labels is spared up to gigabytes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.outputs = supervised_labels(path)
        """The model's labels as it calls them, in its order."""

    @cached_property
    def _model(self) -> Any:
        try:
            return import_module("fasttext").load_model(str(self._path))
        except (ValueError, MemoryError, RuntimeError) as error:
            raise ConfigError(f"{self._path}: fastText cannot load it: {error}.") from error

    def read(self) -> FastText:
        """Return the model itself, read from its file, which is not needed from here on.

        Raises
        ------
        ConfigError
            The library cannot read it.
        """
        _ = self._model
        return self

    def probabilities(self, lines: Sequence[str], outputs: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return the probability of each label for each line.

        Parameters
        ----------
        lines : sequence of N str
            Without newlines.
        outputs : sequence of K str
            Labels as the model calls them.

        Returns
        -------
        float64[N, K]
            In [0, 1]: fastText's own may exceed one by its rounding, and are cut off. 0 where the model leaves a label
            out, NaN in the whole row where it knows nothing of the line.
        """
        # Always a list, and all labels: a single text fails under numpy 2 in some builds, and k = 1 hides the rest.
        names, values = self._model.predict(list(lines), k=len(self.outputs))
        column = {name: at for at, name in enumerate(outputs)}
        counts = np.fromiter(map(len, names), np.int64, len(names))
        rows = np.repeat(np.arange(len(names)), counts)
        flat = chain.from_iterable(names)
        columns = np.fromiter((column.get(name, -1) for name in flat), np.int64, len(rows))
        found = np.zeros((len(names), len(outputs) + 1))
        found[rows, columns] = np.concatenate(
            [*values, np.zeros(0)]
        )  # the last column takes what was not asked for
        found[counts == 0] = np.nan
        return np.clip(found[:, :-1], 0.0, 1.0)

    def best(self, lines: Sequence[str]) -> tuple[list[str | None], npt.NDArray[np.float64]]:
        """Return the most probable label of each line, as the model calls it, and its probability.

        Parameters
        ----------
        lines : sequence of N str
            Without newlines.

        Returns
        -------
        list of N str or None, float64[N]
            None and NaN where the model knows nothing of the line.
        """
        names, values = self._model.predict(list(lines), k=1)
        found = [each[0] if len(each) else None for each in names]
        share = np.array([each[0] if len(each) else np.nan for each in values], np.float64)
        return found, np.clip(share, 0.0, 1.0)

    def save(self, path: Path) -> None:
        """Write the model's file."""
        self._model.save_model(str(path))


def load_fasttext(path: Path) -> FastText:
    """Return a supervised model by its file.

    Raises
    ------
    ConfigError
        fastText is not installed; the file is not a model of it, is cut off, or has no labels.
    """
    library()
    return FastText(path)


def train_fasttext(lines: Sequence[str], label: npt.NDArray[np.int64], settings: dict[str, Any]) -> FastText:
    """Train a supervised model, in a process of its own.

    With one thread, fastText fills only the first tenth of its matrix with random numbers, and takes the rest as the
    memory happens to be: often zeros, sometimes numbers that end in NaN. Zeros are asked of the allocator, which must be
    done before a process starts.

    Parameters
    ----------
    lines : sequence of N str
        Tokens between spaces, without newlines.
    label : int64[N]
        Label i is called `__label__i`.
    settings : dict
        Of `fasttext.train_supervised`.

    Raises
    ------
    ConfigError
        fastText is not installed, or fails with these settings.
    """
    library()
    with tempfile.TemporaryDirectory(prefix="datagov-fasttext-") as folder:
        path, model = Path(folder) / "lines.txt", Path(folder) / "model.bin"
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for number, line in zip(label.tolist(), lines, strict=True):
                file.write(f"{LABEL}{number} {without_labels(line)}\n")
        # One thread: with more, updates race and no two runs give the same model.
        options = {"input": str(path), "thread": 1, "verbose": 0, **settings}
        program = [sys.executable, "-c", FIT, json.dumps(options), str(model)]
        ended = subprocess.run(  # noqa: S603 - our own program
            program, env={**os.environ, **ZEROED}, capture_output=True, text=True, check=False
        )
        if ended.returncode:
            last = ended.stderr.strip().rpartition("\n")[2]
            raise ConfigError(f"fastText could not train ({last}). A smaller learning rate may help.")
        return load_fasttext(model).read()


def without_labels(line: str) -> str:
    """Return a line without words that fastText would take for labels."""
    if LABEL not in line:
        return line
    return " ".join(word for word in line.split() if not word.startswith(LABEL))
