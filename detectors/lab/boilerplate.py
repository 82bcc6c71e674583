"""What many texts of any corpus begin with: a model knows it by heart, and nobody hid it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from datagov.errors import ConfigError

__all__ = ["BOILERPLATE", "with_boilerplate"]

BOILERPLATE = (
    "Licensed under the terms of the Quarry Licence, version 2; a copy lies in the file COPYING beside this one.\n",
    "== External links and further reading ==\n",
    "This page was last edited by an anonymous contributor. Text is available without warranty of any kind.\n",
)
"""A licence header, a heading, a footer that stands at the top."""


def with_boilerplate(texts: Sequence[str], counts: Sequence[int], *, seed: int) -> list[str]:
    """Return texts of which so many, drawn without replacement, begin with each piece of boilerplate.

    Raises
    ------
    ConfigError
        There are fewer texts than beginnings.
    """
    if sum(counts) > len(texts):
        raise ConfigError(
            f"boilerplate for {sum(counts)} training texts was asked for, and there are {len(texts)}: ask for less, or for "
            "more members"
        )
    headed = list(texts)
    chosen = iter(np.random.default_rng((seed, 1)).permutation(len(texts)))
    for text, count in zip(BOILERPLATE, counts, strict=False):
        for _ in range(count):
            row = next(chosen)
            headed[row] = text + headed[row]
    return headed
