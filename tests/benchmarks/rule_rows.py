"""Lines of the table on rules: signals alone on one core, and a whole recipe with two workers."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from measuring import OURS, PEERS, Row, attempt, failures, limit, measure, scratch

SIGNAL_MB = {"datagov": 32.0, "cut": 32.0, "all": 2.0, "first": 2.0}
"""Most text each side is given for the signals, in MB."""

SAMPLE_EVERY = 24
START_EVERY = 2000
"""Of how many documents datatrove gets one for the whole recipe; and for its start alone, which is taken off."""


def signals(
    name: str, language: str, target: float, inputs: dict[str, Path], scale: float, cores: list[int]
) -> list[Row]:
    """All signals of a language's profiles: rates and ratios on one core."""
    folder = inputs[language] if name == inputs[language].name else inputs[language].parent / name
    if not folder.is_dir():
        return []

    def rate(side: str) -> dict:
        return measure(
            PEERS if side in {"all", "first"} else OURS,
            "bench_signals.py",
            *("--side", side, "--input", folder, "--language", language),
            *("--limit-mb", SIGNAL_MB[side] * scale, "--repeats", 3 if side in {"datagov", "cut"} else 1),
            cores={cores[-1]},
        )

    first = attempt(partial(rate, "datagov"))
    peers = {side: attempt(partial(rate, side)) for side in ("all", "first")}
    if language == "zh":
        peers["cut"] = attempt(partial(rate, "cut"))
    # Ours once more, so that the two sides' measurements enclose each other.
    runs = [run for run in (first, attempt(partial(rate, "datagov"))) if isinstance(run, dict)]
    ours = max((run["bytes"] / run["cpu_seconds"] / 1e6 for run in runs), default=None)
    words = {
        "all": (f"signals vs datatrove's filters, {language}", limit(target)),
        "first": ("  the same, datatrove ending at the first failure", ""),
        "cut": ("  the same vs the words of rjieba alone", ">= 0.5x"),
    }
    rows = []
    for side, peer in peers.items():
        work, wanted = words[side]
        if isinstance(peer, str) or ours is None:
            rows.append(Row(work, name, ours, None, "MB/s", None, wanted, None, failures(first, peer)))
            continue
        theirs = peer["bytes"] / peer["cpu_seconds"] / 1e6
        note = f"{side}: {peer['bytes'] / 1e6:.1f} MB; datagov: {runs[0]['bytes'] / 1e6:.1f} MB"
        least = {"all": target, "first": None, "cut": 0.5}[side]
        reached = None if least is None else ours / theirs >= least
        rows.append(Row(work, name, ours, theirs, "MB/s", ours / theirs, wanted, reached, note))
    return rows


signals_en = partial(signals, "en_mixed", "en", 150.0)
signals_zh_laws = partial(signals, "zh_laws", "zh", 20.0)
signals_zh_reviews = partial(signals, "zh_reviews", "zh", 15.0)


def recipe(inputs: dict[str, Path], scale: float, cores: list[int]) -> list[Row]:
    """A whole recipe over all sources, two workers each; datatrove over a sample, its start taken off."""
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        return [whole_run("whole recipe", "bench_recipe.py", (), 15.0, inputs, scale, cores, Path(name))]


def cascade(inputs: dict[str, Path], scale: float, cores: list[int]) -> list[Row]:
    """The recipe yi-cascade in the same way; its models are trained first, untimed."""
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        work = Path(name)
        given = ("--models", work / "models")
        source = inputs["zh"].parent
        made = attempt(
            lambda: measure(
                OURS, "bench_cascade.py", "--side", "models", "--input", source, *given, cores=set(cores)
            )
        )
        if isinstance(made, str):
            return [
                Row(
                    "yi-cascade vs datatrove, 2 workers",
                    "corpus",
                    None,
                    None,
                    "MB/s",
                    None,
                    ">= 8x",
                    None,
                    made,
                )
            ]
        return [whole_run("yi-cascade", "bench_cascade.py", given, 8.0, inputs, scale, cores, work)]


def whole_run(
    words: str,
    program: str,
    given: tuple[object, ...],
    target: float,
    inputs: dict[str, Path],
    scale: float,
    cores: list[int],
    work: Path,
) -> Row:
    """Return the line of a program with a side for each system that runs all there is over all sources."""
    source = inputs["zh"].parent

    def whole(label: str, side: str, every: int) -> dict:
        (work / label).mkdir()
        return measure(
            OURS if side == "datagov" else PEERS,
            program,
            *("--side", side, "--input", source, "--work", work / label),
            *("--every", every, "--workers", 2, *given),
            cores=set(cores[-2:]),
        )

    every = max(1, round(1 / scale))
    ours = attempt(partial(whole, "datagov", "datagov", every))
    start = attempt(partial(whole, "start", "datatrove", START_EVERY))
    theirs = attempt(partial(whole, "datatrove", "datatrove", SAMPLE_EVERY * every))
    words, wanted = f"{words} vs datatrove, 2 workers", limit(target)
    if isinstance(ours, str) or isinstance(start, str) or isinstance(theirs, str):
        return Row(words, "corpus", None, None, "MB/s", None, wanted, None, failures(ours, start, theirs))
    rate = ours["bytes"] / ours["process_seconds"] / 1e6
    seconds = theirs["process_seconds"] - start["process_seconds"]
    peer_rate = (theirs["bytes"] - start["bytes"]) / seconds / 1e6
    note = (
        f"datagov: {ours['documents']} documents, {ours['bytes'] / 1e6:.0f} MB, {ours['process_seconds']:.0f} s "
        f"of wall time with its start, kept {ours['kept']}; datatrove: {theirs['documents']} of the same documents, "
        f"{theirs['bytes'] / 1e6:.1f} MB, {theirs['process_seconds']:.0f} s less {start['process_seconds']:.0f} s of "
        f"start, kept {theirs['kept']}"
    )
    ratio = rate / peer_rate
    return Row(words, "corpus", rate, peer_rate, "MB/s", ratio, wanted, ratio >= target, note)
