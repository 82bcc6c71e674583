"""What `plan` says will be done and reused, held against what the run then does; and that it writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from governing import Governed, contents, plan_of, write_shard
from made_corpora import prose, variant, write_corpus

from datagov.errors import InputError
from pipelines.outlook import stages_of, summary
from pipelines.recipe import load_recipe

Run = Callable[..., Governed]
Recipe = Callable[..., Path]

BASES = {f"{at:02d}": prose(at, 60 + at) for at in range(12)}
TEXTS = {
    **BASES,
    **{f"{key} near": variant(text, longer=3) for key, text in list(BASES.items())[2:9]},
    "кот": "кот сидит на окне и смотрит на улицу",
    "??": "?!",
    "copy": BASES["00"],
}
NEAR = {"near_dedup": {"bands": 20, "rows": 2, "shingle": 3}}
STEPS: list[dict[str, Any]] = [
    {"filter": {"profile": "mapneo-en", "annotate": True, "when": {"script": "latin"}, "otherwise": "keep"}},
    {"exact_dedup": {}},
    NEAR,
]
QUANTILE = {"filter": {"bounds": {"word_count": {"min": {"quantile": 0.2}}}}}
PART_ROWS = 6


@pytest.fixture
def make(tmp_path: Path, recipe: Recipe) -> Callable[..., Path]:
    """Write the corpus as shards of six documents, and a recipe for it."""

    def make(**changes: Any) -> Path:
        if not (tmp_path / "corpus").exists():
            write_corpus(tmp_path / "corpus", TEXTS, shards=4)
        return recipe(tmp_path, **{"steps": STEPS, **changes})

    return make


def told(path: Path, **changes: Any) -> dict[str, Any]:
    return summary(plan_of(path, part_rows=PART_ROWS, **changes))


def states(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(stage["stage"], stage["state"]) for stage in found["stages"]]


@pytest.mark.parametrize(
    "steps",
    [
        [{"normalise": {}}],
        [{"exact_dedup": {}}],
        [NEAR, {"filter": {"profile": "gopher-en"}}],
        [{"filter": {"profile": "gopher-en"}}, {"normalise": {}}, {"exact_dedup": {}}, NEAR],
        [QUANTILE, {"exact_dedup": {}}],
        [NEAR, {"name": "a: b", "exact_dedup": {"on": "id"}}, {"name": "again", "exact_dedup": {}}],
    ],
)
def test_stages_are_those_of_a_run(
    make: Callable[..., Path], govern: Run, steps: list[dict[str, Any]]
) -> None:
    path = make(steps=steps)
    done = govern(path)
    labels = [label for label, _ in stages_of(load_recipe(path))]
    assert list(dict.fromkeys(labels)) == [stage["name"] for stage in done.manifest["stages"]]
    assert len(labels) - len(set(labels)) == 2 * (labels.count("screen") - 1)


def test_before_everything_runs_and_afterwards_all_is_reused(make: Callable[..., Path], govern: Run) -> None:
    path = make()
    before = told(path)
    assert {state for _, state in states(before)} == {"runs"}
    assert before["stages"][0]["to_do"] == before["stages"][0]["units"] == len(before["parts"]) == 4
    assert before["stages"][0]["text_bytes"] == before["text_bytes"] > 0
    govern(path, part_rows=PART_ROWS)
    assert {(stage["state"], stage["to_do"]) for stage in told(path)["stages"]} == {("reused", 0)}


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ("near_dedup/verify.jaccard=0.9", "near_dedup: elect"),
        ("near_dedup/bucket_cap=50", "near_dedup: match"),
        ("filter/word_count.min=65", "screen"),
        ("exact_dedup/keep=longest", "measure"),
    ],
)
def test_what_is_reused_is_not_done_again(
    make: Callable[..., Path], govern: Run, change: str, first: str
) -> None:
    path = make()
    done = govern(path, part_rows=PART_ROWS)
    before = contents(done.out, ".")
    found = told(path, changes=[change])
    assert contents(done.out, ".") == before
    assert found["run_id"] == "r2"
    names = [name for name, _ in states(found)]
    at = names.index(first)
    assert [state for _, state in states(found)] == ["reused"] * at + ["runs"] + ["open"] * (
        len(names) - at - 1
    )
    govern(path, part_rows=PART_ROWS, changes=[change])
    fresh = {
        name.split("/")[1].rpartition("-")[0] for name in contents(done.out, "receipts") if name not in before
    }
    reused = {name.rpartition(": ")[2] for name in names[:at]} - {
        name.rpartition(": ")[2] for name in names[at:]
    }
    assert not fresh & (reused - {"measure"})
    assert (first == "measure") == bool(fresh & {"keys", "documents", "signals", "sketch"})


def test_a_limit_that_is_a_quantile_is_settled_before_it_decides(
    make: Callable[..., Path], govern: Run
) -> None:
    path = make(steps=[QUANTILE])
    names = [stage["stage"] for stage in told(path)["stages"]]
    assert names[names.index("filter: tally") :][:2] == ["filter: tally", "filter: settle"]
    govern(path, part_rows=PART_ROWS)
    assert {state for _, state in states(told(path))} == {"reused"}
    other = dict(states(told(path, changes=["filter/word_count.min=65"])))
    assert "filter: settle" not in other
    assert other["measure"] == "reused"


def test_a_new_shard_is_the_only_one_to_be_measured(make: Callable[..., Path], govern: Run) -> None:
    path = make()
    govern(path, part_rows=PART_ROWS)
    write_shard(
        path.parent / "corpus/99.parquet", {"id": [f"n{at}" for at in range(6)], "text": [prose("n")] * 6}
    )
    measure, identify, *_ = told(path)["stages"]
    assert (measure["state"], measure["to_do"], measure["units"]) == ("runs", 1, 5)
    assert identify["state"] == "open"


def test_documents_that_no_filter_covers_are_counted(make: Callable[..., Path], govern: Run) -> None:
    path = make()
    assert [group["documents"] for group in told(path)["uncovered"]] == [None]
    govern(path, part_rows=PART_ROWS, share=(1, 4))
    assert told(path)["uncovered"][0]["measured"] == 6
    done = govern(path, part_rows=PART_ROWS)
    (group,) = told(path)["uncovered"]
    assert group == {"steps": ["filter"], "otherwise": "keep", "documents": 2, "measured": len(TEXTS)}
    assert done.manifest["warnings"][-1].startswith("2 documents were kept that no filter speaks of")


def test_a_shard_that_cannot_be_read_ends_the_run_after_measuring(
    make: Callable[..., Path], govern: Run
) -> None:
    path = make()
    govern(path, part_rows=PART_ROWS)
    (path.parent / "corpus/bad.parquet").write_bytes(b"PAR1 and no more")
    found = told(path)
    assert states(found)[:2] == [("measure", "reused"), ("identify", "open")]
    assert any("then stops" in warning for warning in found["warnings"])
    skipping = told(make(input={"unreadable": "skip"}))
    assert [name for name, state in states(skipping) if state != "reused"] == [
        "export"
    ]  # into a folder of its own
    assert not any("then stops" in warning for warning in skipping["warnings"])


def test_a_plan_warns_of_ids_that_occur_twice(make: Callable[..., Path], govern: Run) -> None:
    path = make()
    write_shard(path.parent / "corpus/99.parquet", {"id": ["00"], "text": [prose("n")]})
    with pytest.raises(InputError, match="occur more than once"):
        govern(path, part_rows=PART_ROWS)
    with pytest.raises(InputError, match="occur more than once"):
        told(path)
