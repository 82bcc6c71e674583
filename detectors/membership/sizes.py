"""Sizes of texts that scores are divided by."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["ZLIB_LEVEL", "utf8_bytes", "zlib_bytes"]

ZLIB_LEVEL = 6
"""zlib's default. Another level gives other scores."""


def utf8_bytes(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the UTF-8 bytes of each text, int64[N]."""
    return np.fromiter((len(text.encode()) for text in texts), dtype=np.int64, count=len(texts))


def zlib_bytes(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the bytes of each text compressed by zlib, int64[N]; 8 for an empty text."""
    compress = zlib.compress
    return np.fromiter(
        (len(compress(text.encode(), ZLIB_LEVEL)) for text in texts), dtype=np.int64, count=len(texts)
    )
