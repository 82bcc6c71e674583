"""What happens at the edges: damage after measuring, columns with our names, steps that only note, repeated runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from governing import Finished, Governed, contents, write_shard

from datagov.errors import ConfigError, InputError, PartialRun

Recipe = Callable[..., Path]
Run = Callable[..., Governed]
Cli = Callable[..., Finished]

LONG = " ".join(f"word{number}" for number in range(80))
NEAR = {"near_dedup": {"verify": {"jaccard": 0.7}}}


def test_the_recipe_that_init_writes_runs_where_it_says(tmp_path: Path, program: Cli) -> None:
    assert program("init", tmp_path / "work").code == 0
    columns = {"id": ["1"], "text": [LONG], "source": ["s"], "url": ["u"]}
    write_shard(tmp_path / "work/corpus/a.parquet", columns)
    plan = program("plan", tmp_path / "work/recipe.yaml", "--json", cwd=tmp_path)
    assert (plan.code, plan.json["rows"]) == (0, 1)
    assert Path(plan.json["output"]) == tmp_path / "work/out"


def test_a_shard_damaged_after_it_was_measured_stops_the_run(
    tmp_path: Path, recipe: Recipe, govern: Run
) -> None:
    """Not with fewer duplicates, not with an apology: with the shard's name, and resumable."""
    for name in ("a", "b"):
        write_shard(
            tmp_path / f"corpus/{name}.parquet", {"id": [f"{name}{n}" for n in range(3)], "text": [LONG] * 3}
        )
    shard = tmp_path / "corpus/b.parquet"
    path = recipe(tmp_path, steps=[NEAR])
    govern(path, part_rows=3, share=(1, 1))
    whole, status = shard.read_bytes(), shard.stat()
    middle = len(whole) // 4
    shard.write_bytes(whole[:8] + b"\xff" * (middle - 8) + whole[middle:])
    import os

    os.utime(shard, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(
        PartialRun, match=r"gather: a shard that could be read before cannot be read now: b\.parquet"
    ):
        govern(path, part_rows=3)
    assert json.loads((tmp_path / "out/runs/r1.json").read_bytes())["complete"] is False
    shard.write_bytes(whole)
    os.utime(shard, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert govern(path, part_rows=3).counts["removed"] == 5


def test_a_doc_id_column_of_their_own_is_left_alone(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    write_shard(tmp_path / "corpus/a.parquet", {"doc_id": ["x", "y"], "text": ["one", "two"]})
    path = recipe(tmp_path, input={"id": "doc_id"})
    first = govern(path)
    kept = pq.read_table(tmp_path / "out/data/r1/a.parquet")
    assert kept.column("doc_id").to_pylist() == ["x", "y"]
    assert kept.schema.field("datagov_doc_id").type == pa.uuid()
    again = govern(
        recipe(
            tmp_path / "again",
            input={"path": str(tmp_path / "out/data/r1"), "id": None},
            output=str(tmp_path / "o2"),
        )
    )
    with first.connect() as one, again.connect() as two:
        query = "SELECT doc_id FROM documents ORDER BY 1"
        assert one.execute(query).fetchall() == two.execute(query).fetchall()


@pytest.mark.parametrize("column", ["chars", "ordinal", "doc_id"])
def test_keep_does_not_mistake_a_column_for_our_own(
    tmp_path: Path, recipe: Recipe, govern: Run, column: str
) -> None:
    write_shard(tmp_path / "corpus/a.parquet", {"id": ["1"], "text": ["x"], column: [1]})
    with pytest.raises(ConfigError, match=rf"cannot rank by a column called '{column}'"):
        govern(recipe(tmp_path, steps=[{"near_dedup": {"keep": {"max": column}}}]))


@pytest.mark.parametrize(
    "step", [{"exact_dedup": {"annotate": True}}, {"near_dedup": {"annotate": True}}], ids=str
)
def test_an_annotated_duplicate_names_its_keeper(
    tmp_path: Path, recipe: Recipe, govern: Run, step: dict[str, Any]
) -> None:
    write_shard(tmp_path / "corpus/a.parquet", {"id": ["1", "2"], "text": [LONG, LONG]})
    done = govern(recipe(tmp_path, steps=[step]))
    with done.connect() as connection:
        noted = connection.execute("SELECT doc_id, keeper, annotation FROM reasons").fetchall()
        both = {row[0] for row in connection.execute("SELECT doc_id FROM documents").fetchall()}
    assert len(noted) == 1
    assert {noted[0][0], noted[0][1]} == both
    assert (noted[0][2], done.counts["kept"]) == (True, 2)


def test_missing_fail_looks_at_documents_that_reach_the_step(
    tmp_path: Path, recipe: Recipe, govern: Run
) -> None:
    write_shard(tmp_path / "corpus/a.parquet", {"id": ["1", "2"], "text": ["...", "words in here"]})
    failing = {"filter": {"profile": "gopher-en", "bounds": {"mean_word_length": {"missing": "fail"}}}}
    with pytest.raises(
        InputError, match=r"undefined for 1 documents that reached it, the first a\.parquet:0 \(id 1\)"
    ):
        govern(recipe(tmp_path, steps=[failing]))
    short = {"filter": {"profile": "gopher-en", "bounds": {"word_count": {"min": 1}}}}
    assert govern(recipe(tmp_path, steps=[short, failing])).counts["documents_in"] == 2


def test_a_bound_can_be_taken_away(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    write_shard(tmp_path / "corpus/a.parquet", {"id": ["1"], "text": ["two words"]})
    gone = {"filter": {"profile": "gopher-en", "bounds": {"word_count": None}}}
    limits = {
        "filter": {
            "profile": "gopher-en",
            "bounds": {"word_count": {"min": None, "max": None, "missing": "keep"}},
        }
    }
    for step in (gone, limits):
        bounds = govern(recipe(tmp_path, steps=[step])).manifest["recipe"]["steps"][0]["bounds"]
        assert "word_count" not in {bound["signal"] for bound in bounds}
        assert len(bounds) == 20


def test_repeating_a_finished_run_changes_nothing_of_its_record(
    tmp_path: Path, recipe: Recipe, govern: Run
) -> None:
    write_shard(tmp_path / "corpus/a.parquet", {"id": ["1", "2"], "text": [LONG, LONG]})
    path = recipe(tmp_path, steps=[NEAR])
    first = govern(path)
    record = (tmp_path / "out/runs/r1.json").read_bytes()
    before = contents(tmp_path / "out", "ledger", "data", "receipts", "work")
    assert govern(path).manifest["seconds"] == first.manifest["seconds"]
    assert (tmp_path / "out/runs/r1.json").read_bytes() == record
    assert contents(tmp_path / "out", "ledger", "data", "receipts", "work") == before


def test_status_says_when_files_of_a_finished_run_are_gone(
    tmp_path: Path, recipe: Recipe, govern: Run, cli: Cli
) -> None:
    write_shard(tmp_path / "corpus/a.parquet", {"id": ["1"], "text": [LONG]})
    path = recipe(tmp_path, steps=[NEAR])
    govern(path)
    (tmp_path / "out/data/r1/a.parquet").unlink()
    assert "1 files are missing: run again to restore them" in cli("status", tmp_path / "out").out
    govern(path)
    assert cli("status", tmp_path / "out", "--json").json["runs"][0]["files_missing"] == 0


def test_kept_documents_that_no_filter_speaks_of_are_counted(
    tmp_path: Path, recipe: Recipe, govern: Run
) -> None:
    write_shard(tmp_path / "corpus/a.parquet", {"id": ["1", "2"], "text": ["", LONG]})
    steps = [{"filter": {"profile": "gopher-en", "when": {"script": "latin"}, "otherwise": "keep"}}]
    warnings = govern(recipe(tmp_path, steps=steps)).manifest["warnings"]
    assert [
        warning
        for warning in warnings
        if warning.startswith("1 documents were kept that no filter speaks of")
    ]


def test_texts_as_views_and_as_nothing(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    views = pa.table({"id": pa.array(["1"], pa.string_view()), "text": pa.array([LONG], pa.string_view())})
    write_shard(tmp_path / "corpus/a.parquet", views)
    write_shard(tmp_path / "corpus/b.parquet", {"id": ["2"], "text": pa.nulls(1)})
    done = govern(recipe(tmp_path, steps=[NEAR]))
    assert {key: row["action"] for key, row in done.decisions().items()} == {"1": "keep", "2": "error"}


def test_dedup_says_what_it_could_not_compare(tmp_path: Path, recipe: Recipe, govern: Run, cli: Cli) -> None:
    """Nothing is no duplicate of nothing: it is kept, and each step it passed unseen says why."""
    texts = {
        "empty": "",
        "spaces": " \n",
        "signs": "?! ...",
        "edited away": "read more",
        "1": LONG,
        "2": LONG,
    }
    urls = ["u", None, "", "x", "y", "z"]
    write_shard(
        tmp_path / "corpus/a.parquet",
        {"id": [*texts, "null"], "text": [*texts.values(), None], "url": [*urls, "u"]},
    )
    steps = [
        {"drop_lines": {"preset": "boilerplate"}},
        {"exact_dedup": {}},
        {"name": "by-url", "exact_dedup": {"on": "url"}},
        NEAR,
    ]
    done = govern(recipe(tmp_path, input={"url": "url"}, steps=steps))
    noted = {
        key: {
            reason["step"]: reason["rule"] for reason in row["reasons"] if reason["bound"] == "not_compared"
        }
        for key, row in done.decisions().items()
    }
    assert noted == {
        "empty": {"exact_dedup": "empty_text", "near_dedup": "no_tokens"},
        "spaces": {"exact_dedup": "empty_text", "by-url": "no_value", "near_dedup": "no_tokens"},
        "signs": {"by-url": "no_value", "near_dedup": "no_tokens"},
        "edited away": {"exact_dedup": "empty_text", "near_dedup": "no_tokens"},
        "1": {},
        "2": {},
        "null": {},
    }
    assert done.kept() >= {"empty", "spaces", "signs", "edited away"}
    assert (done.counts["kept"], done.counts["removed"], done.counts["errored"]) == (5, 1, 1)
    counted = {step["name"]: step["not_compared"] for step in done.manifest["steps"]}
    assert counted == {"drop_lines": 0, "exact_dedup": 3, "by-url": 2, "near_dedup": 4}
    ledger = ("--ledger", done.out)
    told = cli("explain", "edited away", *ledger)
    assert "exact_dedup: not compared" in told.out
    assert "could not be compared: no_tokens" in told.out
    by_reason = cli("audit", "by_reason", *ledger, "--json").json["rows"]
    rows = {
        (row["step"], row["rule"]): row["documents"] for row in by_reason if row["bound"] == "not_compared"
    }
    assert rows == {
        ("exact_dedup", "empty_text"): 3,
        ("by-url", "no_value"): 2,
        ("near_dedup", "no_tokens"): 4,
    }
    funnel = cli("audit", "funnel", *ledger, "--json").json["rows"]
    assert {row["step"]: row["not_compared"] for row in funnel} == {"input": 0, **counted}
