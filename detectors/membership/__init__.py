"""Membership scores, one method a file: pure functions of traces, in float64, higher = more likely a member."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datagov.errors import ConfigError, did_you_mean
from detectors.membership.con_recall import CON_RECALL
from detectors.membership.dc_pdd import DC_PDD
from detectors.membership.gap_k import GAP_K
from detectors.membership.loss import LOSS
from detectors.membership.lowercase import LOWERCASE
from detectors.membership.method import Method
from detectors.membership.min_k import MIN_K
from detectors.membership.min_k_plus_plus import MIN_K_PLUS_PLUS
from detectors.membership.min_k_plus_plus_top import MIN_K_PLUS_PLUS_TOP
from detectors.membership.pac import PAC
from detectors.membership.rank import RANK
from detectors.membership.recall import RECALL
from detectors.membership.reference import REFERENCE
from detectors.membership.surp import SURP
from detectors.membership.verbatim import VERBATIM
from detectors.membership.zlib_ratio import ZLIB_RATIO

__all__ = ["METHODS", "method", "resolve_params"]

METHODS: tuple[Method, ...] = (
    LOSS,
    ZLIB_RATIO,
    MIN_K,
    MIN_K_PLUS_PLUS,
    MIN_K_PLUS_PLUS_TOP,
    DC_PDD,
    SURP,
    GAP_K,
    RANK,
    LOWERCASE,
    REFERENCE,
    RECALL,
    CON_RECALL,
    PAC,
    VERBATIM,
)
"""All methods, in the order in which they are listed: one pass, further passes, generation."""


def method(name: str) -> Method:
    """Return the method called `name`.

    Raises
    ------
    ConfigError
        There is none, or it was left out on purpose.
    """
    for candidate in METHODS:
        if candidate.name == name:
            return candidate
    hint = did_you_mean(name, (m.name for m in METHODS))
    raise ConfigError(
        f"There is no membership method {name!r}. {hint} `datagov detect methods` explains each."
    )


def resolve_params(of: Method, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the method's parameters: what was given, and defaults for the rest.

    Raises
    ------
    ConfigError
        A parameter is unknown.
    """
    for name in given:
        if name not in of.defaults:
            hint = did_you_mean(name, of.defaults) if of.defaults else "It takes none."
            raise ConfigError(f"Membership method {of.name!r} has no parameter {name!r}. {hint}")
    return {**of.defaults, **given}
