"""The demo corpus through a whole cascade, in several parts, against oracles."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import cascade_oracle as oracle
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from governing import DemoPlan, Governed, contents

THRESHOLD = Fraction(7, 10)
STEPS: list[dict[str, Any]] = [
    {"normalise": {}},
    {"name": "zh", "filter": {"profile": "fineweb2-zh", "when": {"script": "han"}}},
    {
        "name": "en",
        "filter": {"profile": "gopher-en", "when": {"script": "latin"}, "otherwise": "annotate"},
    },
    {"exact_dedup": {}},
    {"near_dedup": {"preset": "fineweb", "verify": {"jaccard": 0.7}}},
]
ROLES = {"source": "source", "url": "url"}


@pytest.fixture(scope="module")
def demo_recipe(
    demo_corpus: DemoPlan, recipe: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    source = {"path": str(demo_corpus.corpus), **ROLES}
    return recipe(tmp_path_factory.mktemp("demo-run"), input=source, steps=STEPS)


@pytest.fixture(scope="module")
def done(demo_recipe: Path, govern: Callable[..., Governed]) -> Governed:
    governed = govern(demo_recipe, part_rows=100)
    assert len(governed.plan.parts) >= 4
    return governed


@pytest.fixture(scope="module")
def decisions(done: Governed) -> dict[str, dict[str, Any]]:
    return done.decisions()


@pytest.fixture(scope="module")
def documents(demo_corpus: DemoPlan) -> dict[str, dict[str, Any]]:
    """Own id -> the document as it lies in the corpus."""
    rows: dict[str, dict[str, Any]] = {}
    for path in sorted(demo_corpus.corpus.rglob("*.parquet")):
        for at, row in enumerate(pq.read_table(path).to_pylist()):
            place = {"shard": path.relative_to(demo_corpus.corpus).as_posix(), "shard_row": at}
            rows[row["id"]] = {**row, **place}
    return rows


@pytest.fixture(scope="module")
def texts(documents: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Own id -> text at the state where decisions are made, for documents that have one."""
    return {key: oracle.edited(row["text"]) for key, row in documents.items() if row["text"] is not None}


Rows = dict[str, dict[str, Any]]


def test_one_decision_for_every_document(done: Governed, decisions: Rows, documents: Rows) -> None:
    assert decisions.keys() == documents.keys()
    assert {row["action"] for row in decisions.values()} == {"keep", "remove", "error"}
    for key, row in decisions.items():
        assert (row["step"] is not None) == (row["action"] == "remove")
        where = [row[name] for name in ("shard", "shard_row", "source", "url")]
        assert where == [documents[key][name] for name in ("shard", "shard_row", "source", "url")]


def test_counts_are_conserved(done: Governed, decisions: Rows, documents: Rows) -> None:
    actions = Counter(row["action"] for row in decisions.values())
    counts = done.counts
    assert [counts["kept"], counts["removed"], counts["errored"]] == [
        actions["keep"],
        actions["remove"],
        actions["error"],
    ]
    assert counts["documents_in"] == len(documents)
    sizes = {key: len((row["text"] or "").encode()) for key, row in documents.items()}
    assert counts["bytes_in"] == sum(sizes.values())
    assert counts["bytes_kept"] == sum(
        sizes[key] for key, row in decisions.items() if row["action"] == "keep"
    )
    removed = Counter(row["step"] for row in decisions.values() if row["step"] is not None)
    left = counts["documents_in"] - counts["errored"]
    for step in done.manifest["steps"]:
        assert (step["in"], step["removed"]) == (left, removed[step["name"]])
        left -= step["removed"]
        assert step["kept"] == left
    assert left == counts["kept"]


def test_every_step_had_something_to_do(done: Governed) -> None:
    """Or the tests of this file would show little."""
    removed = {step["name"]: step["removed"] for step in done.manifest["steps"]}
    assert all(removed[name] >= 5 for name in ("zh", "en", "exact_dedup", "near_dedup"))
    assert done.counts["errored"] >= 1


def test_documents_without_text_are_errors(done: Governed, decisions: Rows, documents: Rows) -> None:
    without = {key for key, row in documents.items() if row["text"] is None}
    assert {key for key, row in decisions.items() if row["action"] == "error"} == without
    for key in without:
        assert [reason["rule"] for reason in decisions[key]["reasons"]] == ["null_text"]
        assert decisions[key]["chars"] is None
        assert decisions[key]["content_id"] is None
    errors = done.rows("SELECT shard, shard_row, reason FROM errors")
    places = {(row["shard"], row["shard_row"]) for row in errors}
    assert places == {(documents[key]["shard"], documents[key]["shard_row"]) for key in without}


def test_every_crossed_bound_is_recorded(done: Governed, decisions: Rows, texts: dict[str, str]) -> None:
    steps = done.manifest["recipe"]["steps"]
    position = {step["name"]: at for at, step in enumerate(steps)}
    filters = [step for step in steps if step["kind"] == "filter"]
    removed_by_filters = 0
    for key, text in texts.items():
        row = decisions[key]
        expected: list[tuple[Any, ...]] = []
        removed_at = None
        for step in filters:
            if removed_at is None:
                found = oracle.filter_reasons(step, text)
                expected += found
                removed_at = step["name"] if found else None
        if not oracle.covered(filters, text):
            expected.append(("en", "script", None, "otherwise", None, True))
        recorded = [
            tuple(reason[name] for name in ("step", "rule", "value", "bound", "limit", "annotation"))
            for reason in row["reasons"]
            if position[reason["step"]] <= position["en"]
        ]
        assert recorded == expected, key
        if removed_at is not None:
            removed_by_filters += 1
            assert (row["action"], row["step"]) == ("remove", removed_at)
        else:
            assert row["step"] not in {"zh", "en"}
    assert removed_by_filters >= 10
    assert any(len(row["reasons"]) > 1 for row in decisions.values())


def test_exact_duplicates_go_but_for_the_first(
    done: Governed, decisions: Rows, documents: Rows, texts: dict[str, str]
) -> None:
    alive = [key for key in documents if key in texts and decisions[key]["step"] not in {"zh", "en"}]
    kept = oracle.kept_by_exact(texts, alive)
    removed = {key for key, row in decisions.items() if row["step"] == "exact_dedup"}
    assert removed == set(alive) - kept
    for key in removed:
        keeper = decisions[key]["keeper"]
        assert keeper in kept
        assert texts[keeper] == texts[key]
        assert alive.index(keeper) < alive.index(key)
        assert [(reason["rule"], reason["bound"]) for reason in decisions[key]["reasons"]][-1] == (
            "exact_dedup",
            "same",
        )


def test_every_near_duplicate_was_verified_against_a_kept_document(
    decisions: Rows, texts: dict[str, str]
) -> None:
    removed = [key for key, row in decisions.items() if row["step"] == "near_dedup"]
    for key in removed:
        keeper = decisions[key]["keeper"]
        assert decisions[keeper]["action"] == "keep"
        found = oracle.jaccard(oracle.shingles(texts[key], 5), oracle.shingles(texts[keeper], 5))
        assert found >= THRESHOLD
        reason = decisions[key]["reasons"][-1]
        assert (reason["rule"], reason["bound"], reason["limit"]) == ("near_dedup", "jaccard", 0.7)
        assert reason["value"] == float(found)
        better = [(-len(texts[name]), decisions[name]["doc_id"]) for name in (keeper, key)]
        assert better == sorted(better)


def test_evidence_is_true(done: Governed, decisions: Rows, texts: dict[str, str]) -> None:
    own = {row["doc_id"]: key for key, row in decisions.items()}
    pairs = done.rows("SELECT * FROM pairs")
    assert pairs
    for pair in pairs:
        a, b = (oracle.shingles(texts[own[pair[side]]], 5) for side in ("a", "b"))
        assert (pair["intersection"], pair["union_size"]) == (len(a & b), len(a | b))
        assert pair["verified"] == (oracle.jaccard(a, b) >= THRESHOLD)
        assert 1 <= pair["shared_bands"] <= 14
        assert abs(pair["estimate"] - pair["jaccard"]) < 0.35
    verified = {(own[pair["a"]], own[pair["b"]]) for pair in pairs if pair["verified"]}
    assert verified == {(key, row["keeper"]) for key, row in decisions.items() if row["step"] == "near_dedup"}


def test_no_two_kept_documents_of_a_bucket_are_near_duplicates(
    done: Governed, decisions: Rows, texts: dict[str, str]
) -> None:
    by_place = {(row["part"], row["row"]): key for key, row in decisions.items()}
    buckets = defaultdict(set)
    for row in done.rows("SELECT * FROM buckets"):
        buckets[row["key"]].add(by_place[row["part"], row["row"]])
    assert all(len(members) >= 2 for members in buckets.values())
    spent = {
        key
        for key, row in decisions.items()
        if any(reason["rule"] == "verify_budget" for reason in row["reasons"])
    }
    pairs = {pair for members in buckets.values() for pair in combinations(sorted(members), 2)}
    for a, b in pairs:
        if {decisions[a]["action"], decisions[b]["action"]} == {"keep"} and not {a, b} & spent:
            assert oracle.jaccard(oracle.shingles(texts[a], 5), oracle.shingles(texts[b], 5)) < THRESHOLD


def test_survivors_and_cluster_sizes_follow_from_keepers(done: Governed, decisions: Rows) -> None:
    found = {key: (row["survivor"], row["orphaned"], row["cluster_size"]) for key, row in decisions.items()}
    assert found == oracle.links(decisions)
    assert done.counts["orphaned"] == 0


def test_kept_documents_come_out_as_they_came_in_but_for_the_edits(
    done: Governed, decisions: Rows, documents: Rows, texts: dict[str, str]
) -> None:
    exported = done.exported().to_pylist()
    kept = [key for key in documents if decisions[key]["action"] == "keep"]
    assert [row["id"] for row in exported] == kept
    for row in exported:
        assert row["text"] == texts[row["id"]]
        assert [row["source"], row["url"]] == [documents[row["id"]][name] for name in ("source", "url")]
        assert row["doc_id"].hex == decisions[row["id"]]["doc_id"]


def test_output_mirrors_the_shards(done: Governed, demo_corpus: DemoPlan) -> None:
    shards = {
        path.relative_to(demo_corpus.corpus).as_posix() for path in demo_corpus.corpus.rglob("*.parquet")
    }
    written = {Path(path).relative_to("data/r1") for path in done.manifest["data"]}
    assert {path.parent.as_posix() for path in written} == {Path(path).parent.as_posix() for path in shards}
    assert {path.name.split(".")[0] for path in written} == {Path(path).stem for path in shards}
    for path in done.manifest["data"]:
        assert pq.read_schema(done.out / path).field("doc_id").type == pa.uuid()


def test_edits_are_recorded(done: Governed, texts: dict[str, str], documents: Rows) -> None:
    rows = done.rows("SELECT * FROM edits_normalise JOIN documents USING (doc_id)")
    assert len(rows) == len(documents)
    for row in rows:
        before = documents[row["id"]]["text"]
        assert row["changed"] == (before is not None and texts[row["id"]] != before)
        if before is not None:
            assert (row["chars_before"], row["chars_after"]) == (len(before), len(texts[row["id"]]))


@pytest.mark.slow
def test_two_workers_write_the_same_bytes(
    done: Governed, demo_recipe: Path, tmp_path: Path, govern: Callable[..., Governed]
) -> None:
    again = govern(demo_recipe, part_rows=100, workers=2, output=str(tmp_path / "out"))
    folders = ("ledger", "data", "work")
    assert contents(again.out, *folders) == contents(done.out, *folders)
    volatile = {"seconds", "workers", "started", "finished", "stages", "steps"}
    assert {key: value for key, value in again.manifest.items() if key not in volatile} == {
        key: value for key, value in done.manifest.items() if key not in volatile
    }


@pytest.mark.parametrize("part_rows", [pytest.param(1, marks=pytest.mark.slow), 250, None])
def test_other_parts_make_the_same_decisions(
    done: Governed,
    demo_recipe: Path,
    tmp_path: Path,
    govern: Callable[..., Governed],
    part_rows: int | None,
) -> None:
    again = govern(demo_recipe, part_rows=part_rows, output=str(tmp_path / "out"))
    assert len(again.plan.parts) != len(done.plan.parts)
    assert again.verdicts() == done.verdicts()
    assert again.exported().column("id").equals(done.exported().column("id"))


@pytest.mark.slow
def test_inner_sizes_do_not_matter(
    done: Governed,
    demo_recipe: Path,
    tmp_path: Path,
    govern: Callable[..., Governed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Many ranges, small row groups and small batches, as a large corpus has them."""
    for name, value in (
        ("pipelines.exact.RANGE_ENTRIES", 20),
        ("pipelines.near.MATCH_RANGE_ENTRIES", 300),
        ("pipelines.stages.link.RANGE_DOCUMENTS", 10),
        ("pipelines.stages.elect.MICRO_BATCH_BYTES", 3_000),
        ("pipelines.texts.MICRO_BATCH_BYTES", 5_000),
        ("datagov.encoding.ROW_GROUP_ROWS", 100),
        ("pipelines.sorted_runs.ROW_GROUP_ROWS", 100),
    ):
        monkeypatch.setattr(name, value)
    again = govern(demo_recipe, part_rows=100, output=str(tmp_path / "out"))
    buckets, pairs = (again.manifest["tables"][name][0]["files"] for name in ("buckets", "pairs"))
    assert len(buckets) > 8
    assert len(pairs) > 3
    assert again.verdicts() == done.verdicts()
    for query in ("SELECT * FROM pairs ORDER BY a, b", "SELECT * FROM buckets ORDER BY key, part, row"):
        assert again.rows(query) == done.rows(query)
    assert again.exported().equals(done.exported())
