"""Running again: what is reused, what is done anew, and that the answer is the same."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from governing import Finished, Governed, contents, write_shard
from made_corpora import prose, variant, write_corpus

from datagov.errors import ConfigError, LedgerError
from datagov.ledger.diff import diff
from datagov.ledger.reader import Ledger

Run = Callable[..., Governed]
Recipe = Callable[..., Path]

FOLDERS = ("ledger", "data", "work")
BASES = {f"{at:02d}": prose(at, 20 + at) for at in range(24)}
TEXTS: dict[str, str | None] = {
    **BASES,
    **{f"{key} copy": text for key, text in list(BASES.items())[:4]},
    **{f"{key} near": variant(text, longer=3) for key, text in list(BASES.items())[2:9]},
    "null": None,
}
PROFILE = """
profile: length
version: 1
title: Not too short
sources: {tests: made for the tests}
not_included: []
bounds: [{signal: word_count, min: 22, missing: keep, source: "tests, here"}]
"""
STEPS: list[dict[str, Any]] = [
    {"normalise": {}},
    {"filter": {"profile": "length.yaml"}},
    {"exact_dedup": {}},
    {"near_dedup": {"bands": 20, "rows": 2, "shingle": 3}},
]
PART_ROWS = 9


@pytest.fixture
def make(tmp_path: Path, recipe: Recipe) -> Callable[..., Path]:
    """Write the corpus as four shards of nine documents, and a recipe for it."""

    def make(**changes: Any) -> Path:
        if not (tmp_path / "corpus").exists():
            write_corpus(tmp_path / "corpus", TEXTS, shards=4)
        (tmp_path / "length.yaml").write_text(PROFILE)
        return recipe(tmp_path, **{"steps": STEPS, **changes})

    return make


Stamps = dict[str, tuple[int, int]]


def stamps(out: Path, *folders: str) -> Stamps:
    """Which file of each name there is: inode and modification time."""
    files = [path for folder in folders for path in (out / folder).rglob("*") if path.is_file()]
    return {path.relative_to(out).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def redone(before: Stamps, after: Stamps) -> set[str]:
    """Names of files that are new or were written again; none may have gone."""
    assert before.keys() <= after.keys()
    return {name for name, stamp in after.items() if before.get(name) != stamp}


def measured(names: set[str]) -> set[str]:
    """Parts among the receipts that say a part was measured."""
    kinds = ("documents-", "edits-", "signals-", "keys-", "sketch-")
    return {Path(name).stem for name in names if name.startswith(tuple(f"receipts/{kind}" for kind in kinds))}


def test_a_finished_run_is_not_done_again(make: Callable[..., Path], govern: Run) -> None:
    first = govern(make(), part_rows=PART_ROWS)
    before = stamps(first.out, "receipts", *FOLDERS)
    again = govern(make(), part_rows=PART_ROWS)
    assert again.manifest["run_id"] == "r1"
    assert redone(before, stamps(first.out, "receipts", *FOLDERS)) == set()
    assert sorted(path.name for path in (first.out / "runs").iterdir()) == ["r1.json"]
    same = {"counts", "tables", "signals", "data", "warnings", "complete", "recipe_digest"}
    assert {name: again.manifest[name] for name in same} == {name: first.manifest[name] for name in same}


@pytest.mark.parametrize(
    "lost",
    [
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("receipts", "ledger", "data", "work")),
        "everything",
    ],
)
def test_lost_files_are_made_again_as_they_were(make: Callable[..., Path], govern: Run, lost: str) -> None:
    first = govern(make(), part_rows=PART_ROWS)
    expected = contents(first.out, *FOLDERS)
    verdicts = first.verdicts()
    folders = ("receipts", *FOLDERS) if lost == "everything" else (lost,)
    files = sorted(path for folder in folders for path in (first.out / folder).rglob("*") if path.is_file())
    for path in Random(lost).sample(files, max(1, len(files) // 4)):
        path.unlink()
    again = govern(make(), part_rows=PART_ROWS)
    assert contents(first.out, *FOLDERS) == expected
    assert again.verdicts() == verdicts


def test_a_cut_off_file_is_made_again(make: Callable[..., Path], govern: Run) -> None:
    first = govern(make(), part_rows=PART_ROWS)
    expected = contents(first.out, *FOLDERS)
    for path in sorted((first.out / "ledger").rglob("*.parquet"))[::5]:
        path.write_bytes(path.read_bytes()[:-7])
    govern(make(), part_rows=PART_ROWS)
    assert contents(first.out, *FOLDERS) == expected


def test_a_changed_bound_measures_nothing_and_is_a_run_of_its_own(
    make: Callable[..., Path], govern: Run, cli: Callable[..., Finished]
) -> None:
    first = govern(make(), part_rows=PART_ROWS)
    verdicts = first.verdicts()
    before = stamps(first.out, "receipts", *FOLDERS)
    second = govern(make(), part_rows=PART_ROWS, changes=["filter/word_count.min=26"])
    assert second.manifest["run_id"] == "r2"
    new = redone(before, stamps(first.out, "receipts", *FOLDERS))
    assert measured(new) == set()
    assert not {name for name in new if name.startswith(("data/r1", "ledger/signals", "ledger/documents"))}
    # Originals have 20, 21, ... words and near copies three more; a document falls at the filter iff it is shorter.
    words = {key: len(text.split()) for key, text in TEXTS.items() if text is not None}
    for run, limit in ((first, 22), (second, 26)):
        removed = {key for key, row in run.decisions().items() if row["step"] == "filter"}
        assert removed == {key for key, count in words.items() if count < limit}
    other = {key for key, verdict in second.verdicts().items() if verdict != verdicts[key]}
    assert {key for key, count in words.items() if 22 <= count < 26} <= other
    assert first.verdicts() == verdicts
    assert (first.out / "data/r1").is_dir()
    assert {row["id"] for row in second.exported().to_pylist()} == second.kept()

    found = diff(Ledger.open(f"{first.out}@r1"), Ledger.open(f"{first.out}@r2"))
    assert found["recipe"] == [{"path": "steps.filter.bounds.word_count.min", "a": 22.0, "b": 26.0}]
    flipped = {key for key in TEXTS if verdicts[key][0] != second.verdicts()[key][0]}
    assert found["documents"]["flipped"] == len(flipped) > 0
    done = cli("diff", f"{first.out}@r1", f"{first.out}@r2", "--json")
    assert done.code in {0, 1}, done.err
    assert done.json["documents"] == found["documents"]

    third = govern(make(), part_rows=PART_ROWS)
    assert third.manifest["run_id"] == "r1"
    assert third.verdicts() == verdicts


def test_another_step_measures_only_what_it_adds(make: Callable[..., Path], govern: Run) -> None:
    first = govern(make(steps=STEPS[:2]), part_rows=PART_ROWS)
    before = stamps(first.out, "receipts")
    govern(make(), part_rows=PART_ROWS)
    new = {name.split("/")[1].split("-")[0] for name in redone(before, stamps(first.out, "receipts"))}
    assert not new & {"documents", "edits", "signals"}
    assert {"keys", "sketch"} <= new


def test_an_added_shard_measures_only_its_part(
    make: Callable[..., Path], govern: Run, tmp_path: Path
) -> None:
    first = govern(make(), part_rows=PART_ROWS)
    before = stamps(first.out, "receipts")
    columns = {"id": ["new", "new copy"], "text": [prose("new", 30), BASES["10"]]}
    write_shard(tmp_path / "corpus/02a.parquet", columns)
    second = govern(make(), part_rows=PART_ROWS)
    (added,) = {part.name for part in second.plan.parts} - {part.name for part in first.plan.parts}
    assert measured(redone(before, stamps(first.out, "receipts"))) == {added}
    assert second.manifest["run_id"] == "r2"
    fresh = govern(make(), part_rows=PART_ROWS, output=str(tmp_path / "fresh"))
    assert second.verdicts() == fresh.verdicts()
    assert second.decisions()["new copy"]["keeper"] == "10"


@pytest.mark.parametrize("rewritten", [False, True])
def test_a_touched_shard_redoes_only_its_part(
    make: Callable[..., Path], govern: Run, tmp_path: Path, rewritten: bool
) -> None:
    first = govern(make(), part_rows=PART_ROWS)
    before, bytes_before = stamps(first.out, "receipts"), contents(first.out, "ledger/documents")
    path = tmp_path / "corpus/01.parquet"
    if rewritten:
        write_shard(path, {"id": ["only"], "text": [prose("only", 30)]})
    else:
        os.utime(path, ns=(1, 1))
    second = govern(make(), part_rows=PART_ROWS)
    (part,) = [part for part in second.plan.parts if part.slices[0].path == "01.parquet"]
    assert measured(redone(before, stamps(first.out, "receipts"))) == {part.name}
    if rewritten:
        assert second.manifest["run_id"] == "r2"
        assert second.counts["documents_in"] == len(TEXTS) - 8
        assert second.decisions()["only"]["action"] == "keep"
    else:
        assert contents(first.out, "ledger/documents") == bytes_before
        assert second.verdicts() == first.verdicts()
    fresh = govern(make(), part_rows=PART_ROWS, output=str(tmp_path / "fresh"))
    assert second.verdicts() == fresh.verdicts()


def test_a_removed_shard_is_gone_from_the_next_run_and_stays_in_the_last(
    make: Callable[..., Path], govern: Run, tmp_path: Path
) -> None:
    first = govern(make(), part_rows=PART_ROWS)
    verdicts = first.verdicts()
    before = stamps(first.out, "receipts")
    (tmp_path / "corpus/00.parquet").unlink()
    second = govern(make(), part_rows=PART_ROWS)
    assert measured(redone(before, stamps(first.out, "receipts"))) == set()
    assert second.counts["documents_in"] == len(TEXTS) - 9
    assert not second.decisions().keys() & {"00", "08"}
    assert first.verdicts() == verdicts


@pytest.mark.slow
def test_samples_are_nested_and_the_same_each_time(make: Callable[..., Path], govern: Run) -> None:
    whole = govern(make(), part_rows=PART_ROWS)
    half = govern(make(), part_rows=PART_ROWS, sample=0.5)
    tenth = govern(make(), part_rows=PART_ROWS, sample=0.1)
    again = govern(make(), part_rows=PART_ROWS, sample=0.5)
    assert [run.manifest["run_id"] for run in (whole, half, tenth, again)] == ["r1", "r2", "r3", "r2"]
    assert again.verdicts() == half.verdicts()
    assert tenth.decisions().keys() < half.decisions().keys() < whole.decisions().keys()
    assert 8 <= half.counts["documents_in"] <= 28
    rows = {key: (row["shard"], row["shard_row"]) for key, row in whole.decisions().items()}
    assert {key: (row["shard"], row["shard_row"]) for key, row in half.decisions().items()} == {
        key: rows[key] for key in half.decisions()
    }
    assert [row["id"] for row in half.exported().to_pylist()] == [key for key in TEXTS if key in half.kept()]


@pytest.mark.parametrize("sample", [0, -0.5, 1.01])
def test_a_sample_is_a_fraction(make: Callable[..., Path], govern: Run, sample: float) -> None:
    with pytest.raises(ConfigError, match="--sample"):
        govern(make(), sample=sample)


def test_shares_measure_and_a_run_finishes(make: Callable[..., Path], govern: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    plain = govern(make(), part_rows=PART_ROWS, output=str(tmp_path / "plain"))
    parts = [part.name for part in plain.plan.parts]
    seen: set[str] = set()
    for share in (3, 1, 2):
        before = stamps(out, "receipts")
        done = govern(make(), part_rows=PART_ROWS, share=(share, 3))
        assert not done.manifest["complete"]
        new = measured(redone(before, stamps(out, "receipts")))
        assert new == set(parts[share - 1 :: 3])
        assert not new & seen
        seen |= new
        with pytest.raises(LedgerError, match="no completed run yet"):
            Ledger.open(out)
    before = stamps(out, "receipts")
    whole = govern(make(), part_rows=PART_ROWS)
    assert measured(redone(before, stamps(out, "receipts"))) == set()
    assert contents(out, *FOLDERS) == contents(plain.out, *FOLDERS)
    assert whole.verdicts() == plain.verdicts()


def test_a_share_of_a_finished_run_leaves_it_finished(make: Callable[..., Path], govern: Run) -> None:
    first = govern(make(), part_rows=PART_ROWS)
    govern(make(), part_rows=PART_ROWS, share=(1, 2))
    assert json.loads((first.out / "runs/r1.json").read_bytes())["complete"]


@pytest.mark.slow
def test_a_plan_writes_nothing_and_says_what_is_left(
    make: Callable[..., Path], govern: Run, cli: Callable[..., Finished], tmp_path: Path
) -> None:
    path = make()
    before = cli("plan", path, "--json")
    assert before.code == 0, before.err
    assert not (tmp_path / "out").exists()
    done = cli("run", path, "--workers", "1", "--json")
    assert done.code == 0, done.err
    assert {
        "run_id",
        "output",
        "documents_in",
        "kept",
        "removed",
        "errored",
        "bytes_in",
        "seconds",
        "steps",
    } <= (done.json.keys())
    files = stamps(tmp_path / "out", ".")
    after = cli("plan", path, "--json")
    assert stamps(tmp_path / "out", ".") == files
    plans = [before.json, after.json]
    assert [plan["run_id"] for plan in plans] == ["r1", "r1"]
    assert [plan["parts_reused"] for plan in plans] == [0, len(plans[1]["parts"])]
    assert [plan["rows"] for plan in plans] == [len(TEXTS)] * 2
    assert govern(path).counts["kept"] == done.json["kept"]
