"""Family opt_out@1: the signals by which the owner of a page reserves it, as a column of the input names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.rule import Params, RuleInfo, SignalFamily

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["OPT_OUT", "measure"]

KINDS = {
    "noai": (
        ("noai",),
        "DeviantArt, directive `noai` of X-Robots-Tag and of <meta name=robots>, November 2022",
    ),
    "tdm": (
        ("tdm-header", "tdm-meta", "tdm-file"),
        "TDM Reservation Protocol (W3C community group, final report of 10 May 2024): header, <meta>, tdmrep.json",
    ),
    "ai_txt": (("ai.txt",), "Spawning, ai.txt, 2023"),
    "robots_txt": (("robots.txt",), "RFC 9309, Robots Exclusion Protocol"),
}
"""Kind -> names of its signals in the column, and what it follows."""


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:  # noqa: ARG001
    """Return the columns of opt_out@1 for a batch of values of the column, all int64 and never NULL.

    A value is names of signals separated by spaces, empty where there is none; other words are passed over.
    """
    counts = {}
    for kind, (names, _) in KINDS.items():
        found = np.zeros(batch.n, np.int64)
        for name in names:
            met = pc.match_substring_regex(batch.texts, rf"(?:^| ){name.replace('.', '[.]')}(?: |$)")
            found += met.to_numpy(zero_copy_only=False)
        counts[kind] = found
    return pa.RecordBatch.from_pydict({"found": sum(counts.values()), **counts})


UNKNOWN = "the column is NULL: nobody looked"

OPT_OUT = SignalFamily(
    name="opt_out",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="opt_out_count",
            numerator="found",
            denominator=None,
            unit="signals",
            formula="Different signals that reserve the page, of all the kinds below.",
            value_range=(0.0, None),
            null_when=UNKNOWN,
            source="the sources of the kinds below",
        ),
        *(
            RuleInfo(
                name=f"opt_out_{kind}_count",
                numerator=kind,
                denominator=None,
                unit="signals",
                formula=f"Signals {', '.join(f'`{name}`' for name in names)} that reserve the page.",
                value_range=(0.0, float(len(names))),
                null_when=UNKNOWN,
                source=source,
            )
            for kind, (names, source) in KINDS.items()
        ),
    ),
    column="opt_out",
)
