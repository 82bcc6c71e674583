"""Lines of the table on classifiers: the linear one from text to score, fastText beside its library called directly."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from measuring import OURS, Row, attempt, measure

LIMIT_MB = 40.0
LEAST_MB_S = 5.0
MOST_TIMES = 1.3


def classifiers(inputs: dict[str, Path], scale: float, cores: list[int]) -> list[Row]:
    """Rates on one core, on texts of at most 300 characters."""
    rows = []
    for language, name in (("zh", "zh_weibo"), ("en", "en_web")):
        folder = inputs[language].parent / name
        folder = folder if folder.is_dir() else inputs[language]

        def rate(side: str, folder: Path = folder) -> dict:
            limit = ("--limit-mb", LIMIT_MB * scale)
            return measure(
                OURS, "bench_classifiers.py", "--side", side, "--input", folder, *limit, cores={cores[-1]}
            )

        linear, fasttext = (attempt(partial(rate, side)) for side in ("linear", "fasttext"))
        work = "linear classifier, text to score"
        if isinstance(linear, str):
            rows.append(Row(work, folder.name, None, None, "MB/s", None, "", None, linear))
        else:
            ours = linear["bytes"] / linear["cpu_seconds"] / 1e6
            note = (
                f"{linear['documents']} texts, {linear['bytes'] / 1e6:.1f} MB, {linear['features']} features"
            )
            wanted = f">= {LEAST_MB_S:g} MB/s"
            rows.append(Row(work, folder.name, ours, None, "MB/s", None, wanted, ours >= LEAST_MB_S, note))
        work = "fastText, vs the library called directly, same tokens"
        if isinstance(fasttext, str):
            rows.append(Row(work, folder.name, None, None, "MB/s", None, "", None, fasttext))
            continue
        ours, theirs = (fasttext["bytes"] / fasttext[key] / 1e6 for key in ("cpu_seconds", "direct_seconds"))
        times = fasttext["cpu_seconds"] / fasttext["direct_seconds"]
        wanted, note = f"<= {MOST_TIMES:g} times as long", f"{times:.2f} times as long"
        rows.append(
            Row(work, folder.name, ours, theirs, "MB/s", ours / theirs, wanted, times <= MOST_TIMES, note)
        )
    return rows
