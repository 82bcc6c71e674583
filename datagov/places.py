"""Places that a user names: paths on this machine, and URLs of object stores."""

from __future__ import annotations

from pathlib import Path

__all__ = ["is_url", "resolved"]


def is_url(place: str) -> bool:
    """Whether a place is named by a URL, such as `s3://bucket/folder`."""
    return "://" in place


def resolved(place: str) -> str:
    """Return a place by its absolute name: URLs without a slash at the end, local paths resolved."""
    return place.rstrip("/") if is_url(place) else str(Path(place).resolve())
