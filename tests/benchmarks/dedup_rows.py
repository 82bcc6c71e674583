"""Lines of the table on near-duplicates: signatures, the near_dedup step as a whole, and what it writes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from measuring import (
    OURS,
    PEERS,
    FailedSideError,
    Row,
    attempt,
    limit,
    measure,
    scratch,
    shards,
)

SKETCHES = {"datagov": ("bands", "signatures"), "datatrove": ("signatures",)}
"""Folders of a run's output that hold its sketches: what must be kept and moved to find duplicates."""

WRITTEN = {
    "datagov": ("bands", "signatures", "buckets", "pairs", "templates", "work"),
    "datatrove": ("signatures", "buckets", "removed"),
}
"""Folders that hold everything written on the way to a verdict, sketches included, kept documents not."""

SIGNATURE_MB = {"datagov": 64.0, "rensa": 12.0, "datasketch": 8.0, "datatrove": 4.0}
"""Most text each system is given for the signatures, in MB."""

SIGNATURE_TARGETS = {
    ("zh", "datatrove"): 40.0,
    ("en", "datatrove"): 150.0,
    ("zh", "rensa"): 5.0,
    ("en", "rensa"): 5.0,
    ("zh", "datasketch"): 25.0,
    ("en", "datasketch"): 25.0,
}


def signatures(inputs: dict[str, Path], scale: float, cores: list[int]) -> list[Row]:
    """MinHash signatures, 112 permutations, shingling counted: rates and ratios on one core."""
    rows = []
    for language, folder in inputs.items():

        def rate(side: str, shingles: str = "same", folder: Path = folder, language: str = language) -> dict:
            return measure(
                OURS if side == "datagov" else PEERS,
                "bench_signatures.py",
                *("--side", side, "--input", folder, "--language", language, "--shingles", shingles),
                *("--limit-mb", SIGNATURE_MB[side] * scale, "--repeats", 1 if side == "datatrove" else 3),
                cores={cores[-1]},
            )

        sides = [("datatrove", "same"), ("rensa", "same"), ("rensa", "cheapest")]
        sides += [("datasketch", "same"), ("datasketch", "cheapest")]
        first = attempt(lambda rate=rate: rate("datagov"))
        peers = {side: attempt(lambda rate=rate, side=side: rate(*side)) for side in sides}
        # Ours once more, so that the two sides' measurements enclose each other.
        runs = [run for run in (first, attempt(lambda rate=rate: rate("datagov"))) if isinstance(run, dict)]
        ours = max((run["bytes"] / run["cpu_seconds"] / 1e6 for run in runs), default=None)
        for (side, shingles), peer in peers.items():
            target = SIGNATURE_TARGETS[language, side] if shingles == "same" else None
            work = f"signatures vs {side}" + ("" if side == "datatrove" else f", {shingles} shingles")
            if isinstance(peer, str) or ours is None:
                note = peer if isinstance(peer, str) else f"datagov failed: {first}"
                rows.append(Row(work, folder.name, ours, None, "MB/s", None, limit(target), None, note))
                continue
            theirs = peer["bytes"] / peer["cpu_seconds"] / 1e6
            note = f"{side}: {peer['bytes'] / 1e6:.1f} MB; datagov: {runs[0]['bytes'] / 1e6:.1f} MB"
            ratio = ours / theirs
            reached = None if target is None else ratio >= target
            rows.append(Row(work, folder.name, ours, theirs, "MB/s", ratio, limit(target), reached, note))
    return rows


def near_dedup(inputs: dict[str, Path], scale: float, cores: list[int]) -> list[Row]:
    """The near_dedup step alone as a whole process, two workers each; and the bytes its sketches take."""
    language, folder = next(iter(inputs.items()))
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        work = Path(name)
        source = folder if scale >= 1 else shards(folder, scale, work / "in")
        results: dict[str, dict | str] = {}
        # Ours twice: the first call fills the kernels' compile cache, as a first run on a machine does.
        for label, side in (("first", "datagov"), ("datagov", "datagov"), ("datatrove", "datatrove")):
            folder_of_side = work / label
            folder_of_side.mkdir()
            results[label] = attempt(
                lambda side=side, place=folder_of_side: measure(
                    OURS if side == "datagov" else PEERS,
                    "bench_near_dedup.py",
                    *("--side", side, "--input", source, "--language", language),
                    *("--work", place, "--workers", 2),
                    cores=set(cores[-2:]),
                )
            )
        ours, theirs = results["datagov"], results["datatrove"]
        rows = [whole_process(folder.name, ours, theirs, results["first"])]
        for words, tables, target in (("sketches", SKETCHES, 250), ("all dedup files", WRITTEN, None)):
            sizes = {
                side: attempt(
                    lambda side=side, tables=tables: bytes_written(work, side, tables, results[side])
                )
                for side in ("datagov", "datatrove")
            }
            rows.append(per_document(words, folder.name, sizes["datagov"], sizes["datatrove"], target))
        return rows


def bytes_written(work: Path, side: str, tables: dict[str, tuple[str, ...]], result: dict | str) -> dict:
    """Sum the files a side wrote into the folders named, a document of its input."""
    if isinstance(result, str):
        raise FailedSideError(result.removeprefix("failed: "))
    arguments = (work / side, "--tables", *tables[side], "--documents", result["documents"])
    return measure(OURS, "bench_dedup_bytes.py", *arguments, cores=os.sched_getaffinity(0))


def whole_process(name: str, ours: dict | str, theirs: dict | str, first: dict | str) -> Row:
    """Compare the wall time of two whole processes."""
    work = "near_dedup alone vs datatrove, 2 workers"
    seconds = [run["process_seconds"] if isinstance(run, dict) else None for run in (ours, theirs)]
    if seconds[0] is None or seconds[1] is None:
        note = "; ".join(run for run in (ours, theirs) if isinstance(run, str))
        return Row(work, name, *seconds, "s", None, ">= 5x", None, note)
    assert isinstance(ours, dict)
    assert isinstance(theirs, dict)
    ratio = seconds[1] / seconds[0]
    note = f"{ours['documents']} documents, kept {ours['kept']} (ours, verified) and {theirs['kept']}"
    if isinstance(first, dict):
        note += f"; our first call {first['process_seconds']:.1f} s"
    return Row(work, name, *seconds, "s", ratio, ">= 5x", ratio >= 5, note)


def per_document(what: str, name: str, ours: dict | str, theirs: dict | str, target: float | None) -> Row:
    """Compare the bytes written for deduplication a document; the target is a limit on ours."""
    sizes = [size["bytes_per_document"] if isinstance(size, dict) else None for size in (ours, theirs)]
    ratio = sizes[1] / sizes[0] if sizes[0] and sizes[1] else None
    reached = None if sizes[0] is None or target is None else sizes[0] <= target
    note = "; ".join(size for size in (ours, theirs) if isinstance(size, str))
    limit_words = "" if target is None else f"<= {target:g} B"
    return Row(f"bytes written: {what}", name, *sizes, "B/doc", ratio, limit_words, reached, note)
