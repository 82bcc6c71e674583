"""How signatures were made: what two of them must have in common to be comparable."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from datagov.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OWN_NAME", "Scheme"]

OWN_NAME = "multiply-shift-64@1"
"""Name of the permutations made here."""


@dataclass(frozen=True)
class Scheme:
    """Everything two signatures must have in common to be comparable."""

    bands: int
    """Bands a signature is cut into; two documents are candidates when one band agrees."""
    rows: int
    """Rows a band."""
    k: int
    """Tokens a shingle."""
    seed: int = 1
    """Seed of the permutations."""
    tokens: str = "uax29-lower@1"
    """Name of the token stream the shingles are windows of."""
    name: str = OWN_NAME
    """Name of the permutations; signatures from other systems carry their own."""

    def __post_init__(self) -> None:
        for name in ("bands", "rows", "k"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigError(f"{name} of a MinHash scheme is a whole number from 1 up, not {value!r}")

    @property
    def permutations(self) -> int:
        """Rows of a signature: bands times rows a band."""
        return self.bands * self.rows

    def to_dict(self) -> dict[str, Any]:
        """Return the scheme as plain values, to be stored beside signatures."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scheme:
        """Read what `to_dict` wrote.

        Raises
        ------
        ConfigError
            When a key is unknown or missing.
        """
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                raise ConfigError(f"unknown key {key!r} in a MinHash scheme. {did_you_mean(key, known)}")
        missing = [key for key in known if key not in values]
        if missing:
            raise ConfigError(f"a MinHash scheme lacks {', '.join(missing)}")
        return cls(**values)

    def require_same(self, other: Scheme) -> None:
        """Refuse to compare signatures of this scheme with those of another.

        Raises
        ------
        ConfigError
            Naming every part in which the two differ.
        """
        mine, theirs = self.to_dict(), other.to_dict()
        differing = [f"{key}: {mine[key]!r} and {theirs[key]!r}" for key in mine if mine[key] != theirs[key]]
        if differing:
            raise ConfigError(
                "these signatures were made differently and cannot be compared ("
                + "; ".join(differing)
                + "). Make one of them again with the scheme of the other"
            )
