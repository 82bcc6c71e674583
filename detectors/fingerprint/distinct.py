"""One row a distinct string: many forced tokens lead into one text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["one_a_string"]


def one_a_string(
    rows: Iterable[dict[str, Any]], place: Callable[[dict[str, Any]], Any]
) -> list[dict[str, Any]]:
    """Return the first finding of each string by `place`, in that order.

    With `entries`: how many findings, each of another forced token or context, have that string.
    """
    ordered = sorted(rows, key=place)
    entries = Counter(row["string"] for row in ordered)
    first = {row["string"]: row for row in reversed(ordered)}
    return [row | {"entries": entries[row["string"]]} for row in ordered if first[row["string"]] is row]
