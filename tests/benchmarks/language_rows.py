"""Lines of the table on languages and perplexity: each against its library asked directly, on one core."""

from __future__ import annotations

from pathlib import Path

from measuring import OURS, Row, attempt, measure

MOST_TIMES = 1.3
"""How many times as long as the library alone."""
LIMIT_MB = 8.0


def against_library(side: str, work: str, folder: Path, scale: float, cores: list[int]) -> list[Row]:
    """Return the line of one side, in documents a second."""
    arguments = ("--side", side, "--input", folder, "--limit-mb", LIMIT_MB * scale)
    run = attempt(lambda: measure(OURS, "bench_language.py", *arguments, cores={cores[-1]}))
    if isinstance(run, str):
        return [Row(work, folder.name, None, None, "docs/s", None, "", None, run)]
    times = run["ours"] / run["theirs"]
    rates = run["documents"] / run["ours"], run["documents"] / run["theirs"]
    note = f"{run['documents']} documents, {run['bytes'] / 1e6:.1f} MB; {times:.2f} times as long, at most {MOST_TIMES:g}"
    if "whole" in run:
        note += f"; with the cutting into tokens {run['documents'] / run['whole']:,.0f} docs/s"
    target = f">= {1 / MOST_TIMES:.2g}x"
    return [Row(work, folder.name, *rates, "docs/s", 1 / times, target, times <= MOST_TIMES, note)]


def language(inputs: dict[str, Path], scale: float, cores: list[int]) -> list[Row]:
    """The label and score of each document against py3langid."""
    work = "language vs py3langid, the same answers"
    return [
        row for name in ("zh", "en") for row in against_library("language", work, inputs[name], scale, cores)
    ]


def perplexity(inputs: dict[str, Path], scale: float, cores: list[int]) -> list[Row]:
    """The perplexity of each document against KenLM on the same tokens; a model is trained first."""
    return against_library("perplexity", "perplexity vs kenlm, the same tokens", inputs["zh"], scale, cores)
