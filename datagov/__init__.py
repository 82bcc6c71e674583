"""datagov governs the data language models are pretrained on: measure, decide, record.

`datagov.measure(texts, profile)` measures texts in memory, `datagov.measure_lines` their lines; `datagov.Ledger`
opens what a run decided, for DuckDB; `datagov.SignalFamily` and `datagov.RuleInfo` are
what a family of one's own is made of. They are loaded when first asked for: importing datagov loads nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datagov.in_memory import measure, measure_lines
    from datagov.ledger.reader import Ledger
    from datagov.rule import RuleInfo, SignalFamily

__all__ = ["Ledger", "RuleInfo", "SignalFamily", "measure", "measure_lines"]

__version__ = "0.1.0"

HOMES = {
    "Ledger": "datagov.ledger.reader",
    "RuleInfo": "datagov.rule",
    "SignalFamily": "datagov.rule",
    "measure": "datagov.in_memory",
    "measure_lines": "datagov.in_memory",
}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), name)
