"""One document's signals, as an explanation tells them: quotients, labels, and what lies outside bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datagov.labels import label_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

__all__ = ["applied", "outside", "quotient", "with_label"]


def with_label(signal: Mapping[str, Any], labels: Collection[str]) -> dict[str, Any]:
    """Return a signal with its `label`, what its value says, if it is one of those that are labels."""
    if signal["signal"] not in labels:
        return dict(signal)
    return {**signal, "label": None if signal["value"] is None else label_of(signal["value"])}


def quotient(numerator: int | None, denominator: int | None) -> float | None:
    """Return a ratio, None where it is undefined."""
    return numerator / denominator if numerator is not None and denominator else None


def applied(signals: Sequence[Mapping[str, Any]], *, when: bool) -> bool:
    """Say whether the step spoke of this document at all, judging by what the ledger holds.

    A filter with `when` leaves the signals of other documents undefined, or measures them and records
    no crossing; called only where nothing was recorded.
    """
    bounded = [signal for signal in signals if "missing" in signal]
    if when and bounded and all(signal["value"] is None for signal in bounded):
        return False
    return not any(outside(signal) for signal in bounded)


def outside(signal: Mapping[str, Any]) -> bool:
    """Say whether a value lies outside its bounds."""
    value, low, high = signal["value"], signal["min"], signal["max"]
    if value is None:
        return bool(signal["missing"] == "drop")
    return (low is not None and value < low) or (high is not None and value > high)
