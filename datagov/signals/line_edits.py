"""Family line_edits@1: how much of a document would go with the lines that are no part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from datagov.errors import ConfigError, did_you_mean
from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.signals.line_rules import PRESETS, crossed_rules, spelled_out
from datagov.signals.line_views import words_a_line

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["LINE_EDITS", "measure"]


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of line_edits@1 for `batch`, all int64 and never NULL, one row a document.

    `words` besides punctuation and symbols, and `dropped_words` of them: in lines that cross a rule of
    the preset `params["preset"]`.

    Raises
    ------
    ConfigError
        There is no such preset.
    """
    preset = params["preset"]
    if preset not in PRESETS:
        raise ConfigError(f"line_edits: there is no preset {preset!r}. {did_you_mean(str(preset), PRESETS)}")
    rules = {name: value for name, value in spelled_out(preset).items() if name not in {"citations", "blank"}}
    gone = np.zeros(len(batch.code_points), np.uint8)
    crossed = crossed_rules(batch, gone, **rules)
    dropped = np.logical_or.reduce([np.zeros(len(batch.lines.start), np.bool_), *crossed.values()])
    words = words_a_line(batch, gone, np.ones(len(dropped), np.bool_))
    row = np.repeat(np.arange(batch.n), np.diff(batch.lines.offsets))

    def by_document(counts: Any) -> pa.Array:
        return pa.array(np.bincount(row, weights=counts, minlength=batch.n).astype(np.int64))

    return pa.RecordBatch.from_pydict(
        {
            "words": by_document(words),
            "dropped_words": by_document(words * dropped),
        }
    )


LINE_EDITS = SignalFamily(
    name="line_edits",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="dropped_line_words_fraction",
            numerator="dropped_words",
            denominator="words",
            unit="words over words",
            formula=(
                "Words of the lines that the edit `drop_lines` with the preset of the parameter `preset` would drop, "
                "over all words, those of punctuation and symbols not counted on either side. Citation marks count."
            ),
            value_range=(0.0, 1.0),
            null_when="no word besides punctuation and symbols",
            source="Penedo et al. 2023, arXiv 2306.01116 (RefinedWeb), line-wise corrections; as reproduced by DCLM",
            differs=(
                "DCLM edits first and compares the words before and after; of three phrases it cuts the phrase "
                "alone, where the line goes here. It divides a line's capitals and digits by all its characters. "
                "Words come from UAX #29 or jieba-rs."
            ),
        ),
    ),
    defaults={"preset": "refinedweb"},
)
