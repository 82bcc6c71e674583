"""Filters that measure survivors: the same decisions as of all documents, from fewer measurements."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from examples import examples
from governing import Governed, contents, plan_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_corpora import prose, write_corpus

from datagov.errors import ConfigError
from datagov.ledger.reader import Ledger
from pipelines.executors.local import LocalExecutor
from pipelines.fates import ALIVE, ERRORED
from pipelines.gates import gates_of
from pipelines.outlook import stages_of, summary
from pipelines.parts import cut
from pipelines.progress import Reporter
from pipelines.recipe import Recipe, load_recipe
from pipelines.what_if import what_if
from pipelines.what_if.evidence import Evidence
from pipelines.what_if.recorded import recorded_recipe
from pipelines.what_if.rerun import rerun

Run = Callable[..., Governed]
MakeRecipe = Callable[..., Path]

PART_ROWS = 6
TEXTS: dict[str, str | None] = {f"{at:02d}": prose(at % 17, 6 + 2 * (at % 17)) for at in range(30)} | {
    "null": None
}


def bounded(name: str, *, survivors: bool = True, **bounds: Any) -> dict[str, Any]:
    """A filter by some bounds."""
    return {"name": name, "filter": {"bounds": bounds, **({"measure": "survivors"} if survivors else {})}}


SHORT = bounded("short", survivors=False, word_count={"min": 14})
LETTERS = bounded("letters", char_entropy={"min": {"quantile": 0.2}})
LONGER = bounded("longer", word_count={"min": {"quantile": 0.3}})
STEPS = [
    SHORT,
    LETTERS,
    {"normalise": {}},
    LONGER,
    {"exact_dedup": {}},
    bounded("last", mean_word_length={"max": 5}),
]
NEAR = {"near_dedup": {"bands": 8, "rows": 1, "shingle": 2, "verify": {"jaccard": 0.6}}}
ALL_KINDS = [
    SHORT,
    {"normalise": {}},
    LETTERS,
    {"span_dedup": {}},
    bounded("again", survivors=False, word_count={"min": 15}),
    NEAR,
    {"exact_dedup": {}},
    bounded("last", mean_word_length={"max": 5}),
]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut small corpora into several parts, for runs and for what-if alike."""
    monkeypatch.setattr("pipelines.plan.cut", partial(cut, part_rows=PART_ROWS))


@pytest.fixture
def make(tmp_path: Path, recipe: MakeRecipe) -> Callable[..., Path]:
    """Write the corpus as three shards, and a recipe for it."""

    def make(steps: list[dict[str, Any]] = STEPS) -> Path:
        if not (tmp_path / "corpus").exists():
            write_corpus(tmp_path / "corpus", TEXTS, shards=3)
        return recipe(tmp_path, steps=steps)

    return make


def of_all(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same steps, measuring all documents."""
    steps = copy.deepcopy(steps)
    for step in steps:
        step.get("filter", {}).pop("measure", None)
    return steps


def fates(done: Governed) -> np.ndarray:
    return Evidence(done.ledger, recorded_recipe(done.ledger)).fates


def measured(done: Governed, step: str) -> np.ndarray:
    """bool[N]: of which documents a filter has values."""
    (entry,) = (entry for entry in done.manifest["signals"] if entry["step"] == step)
    tables = [pq.read_table(done.out / path) for path in entry["files"]]
    return np.concatenate([table.column(0).is_valid().to_numpy(zero_copy_only=False) for table in tables])


def test_only_documents_that_reach_the_first_of_them_are_measured(
    make: Callable[..., Path], govern: Run, tmp_path: Path
) -> None:
    done = govern(make())
    decided = fates(done)
    sound = decided != ERRORED
    assert {0, 1, 3, 4, ALIVE, ERRORED} <= set(decided.tolist())
    reached = [sound & ((decided == ALIVE) | (decided >= at)) for at in range(len(STEPS))]
    assert measured(done, "short").tolist() == sound.tolist()
    # Next to one another, with but an edit between them: measured in one pass.
    assert measured(done, "letters").tolist() == reached[1].tolist()
    assert measured(done, "longer").tolist() == reached[1].tolist()
    assert measured(done, "last").tolist() == reached[5].tolist()
    whole = govern(make(of_all(STEPS)), output=str(tmp_path / "whole"))
    assert fates(whole).tolist() == decided.tolist()
    assert whole.decisions() == done.decisions()
    assert whole.exported().equals(done.exported())


def of_whom(done: Governed, step: str, kind: str, table: str | None = None) -> set[int]:
    """The documents of which a step's product holds anything."""
    at = [step["name"] for step in done.manifest["steps"]].index(step)
    evidence = Evidence(done.ledger, recorded_recipe(done.ledger))
    (product,) = (product for product in evidence.by_step[at].products if product.kind == kind)
    found: set[int] = set()
    for part, offset in zip(evidence.parts, evidence.offsets, strict=True):
        path = done.out / product.file(part, table)
        rows = pq.read_table(path) if path.exists() else None  # a part without a key has no file
        if rows is None or "row" in rows.column_names:
            here = rows.column("row").to_pylist() if rows else []
        else:
            column = rows.column("signature" if kind == "sketch" else 1)
            here = [row for row, value in enumerate(column.to_pylist()) if value]
        found |= {offset + row for row in here}
    return found


def test_all_behind_a_gate_is_of_those_who_went_through(make: Callable[..., Path], govern: Run) -> None:
    path = make(ALL_KINDS)
    done = govern(path)
    decided = fates(done)
    through = set(np.flatnonzero((decided == ALIVE) | (decided > 0)).tolist())
    assert 0 < len(through) < len(TEXTS) - 1
    assert set(np.flatnonzero(measured(done, "letters"))) == through
    assert set(np.flatnonzero(measured(done, "again"))) == through
    assert of_whom(done, "normalise", "edits") == through
    assert of_whom(done, "span_dedup", "span_keys") == through
    assert of_whom(done, "span_dedup", "edits") == through
    # Of those that cutting left a text, all are compared.
    left = of_whom(done, "exact_dedup", "keys")
    assert left
    assert left <= through
    assert of_whom(done, "near_dedup", "sketch", "signatures") == left
    assert of_whom(done, "near_dedup", "sketch", "bands") == left
    late = set(np.flatnonzero((decided == ALIVE) | (decided == len(ALL_KINDS) - 1)).tolist())
    assert set(np.flatnonzero(measured(done, "last"))) == late < through
    told = summary(plan_of(path))["stages"]
    assert list(dict.fromkeys(stage["stage"] for stage in told)) == [
        stage["name"] for stage in done.manifest["stages"]
    ]
    assert {stage["state"] for stage in told} == {"reused"}
    assert [stage["steps"] for stage in told if stage["stage"] == "measure"] == [
        ["short"],
        ["normalise", "letters", "span_dedup"],
        ["span_dedup", "again", "near_dedup", "exact_dedup"],
        ["last"],
    ]


def test_where_gates_stand(tmp_path: Path, recipe: MakeRecipe) -> None:
    def step(name: str, kind: str) -> dict[str, Any]:
        if kind in {"all", "survivors"}:
            return bounded(name, survivors=kind == "survivors", char_count={"min": 1})
        if kind.endswith(" noted"):
            return {"name": name, kind.removesuffix(" noted"): {"annotate": True}}
        return {"name": name, kind: {}}

    def gates(*kinds: str) -> dict[int, int]:
        steps = [step(f"s{at}", kind) for at, kind in enumerate(kinds)]
        return gates_of(load_recipe(recipe(tmp_path, steps=steps)).steps)

    # Nobody has been left behind: no second reading.
    assert gates("normalise", "survivors", "exact_dedup") == {}
    assert gates("span_dedup", "survivors") == {}
    assert gates("exact_dedup noted", "survivors") == {}
    assert gates("all", "survivors", "near_dedup noted", "survivors") == {1: 1}
    # In front of the edits that lead up to the filter, but not of those that another step sees.
    assert gates("all", "normalise", "all", "width", "normalise", "survivors") == {3: 5}
    assert gates("exact_dedup", "survivors", "normalise", "survivors", "all") == {1: 1}
    assert gates("survivors", "survivors") == {1: 1}
    # Another only behind a step that looks across documents.
    assert gates("all", "survivors", "span_dedup", "normalise", "survivors", "survivors") == {1: 1, 3: 4}
    assert gates("all", "survivors", "near_dedup", "all", "survivors", "exact_dedup") == {1: 1, 4: 4}


def test_a_run_goes_on_behind_a_gate_where_it_was_stopped(make: Callable[..., Path], govern: Run) -> None:
    path = make(ALL_KINDS)
    first = govern(path)
    expected = contents(first.out, "ledger", "data", "work")
    for stages in (
        ("screen", "collect"),
        ("edits", "signals"),
        ("span_keys", "sketch"),
        ("documents", "mark", "keys"),
    ):
        for folder in sorted((first.out / "receipts").iterdir()):
            if folder.name.rpartition("-")[0] in stages:
                shutil.rmtree(folder)
        (first.out / "runs/r1.json").unlink()
        assert govern(path).manifest["complete"]
        assert contents(first.out, "ledger", "data", "work") == expected


def test_stages_are_those_of_a_run_and_all_is_reused(make: Callable[..., Path], govern: Run) -> None:
    path = make()
    done = govern(path)
    labels = [label for label, _ in stages_of(load_recipe(path))]
    assert labels.count("measure") == 3
    assert list(dict.fromkeys(labels)) == [stage["name"] for stage in done.manifest["stages"]]
    told = summary(plan_of(path))["stages"]
    assert [stage["stage"] for stage in told] == labels
    assert {stage["state"] for stage in told} == {"reused"}
    assert [stage["steps"] for stage in told if stage["stage"] == "measure"] == [
        ["short"],
        ["letters", "normalise", "longer", "exact_dedup"],
        ["last"],
    ]


def test_whether_survivors_are_measured_again_is_open_once_there_were_some(
    make: Callable[..., Path], govern: Run
) -> None:
    path = make()

    def measuring(*changes: str) -> list[str]:
        told = summary(plan_of(path, changes=list(changes)))["stages"]
        return [stage["state"] for stage in told if stage["stage"] == "measure"]

    govern(path, share=(1, 1))
    assert measuring() == ["reused", "runs", "runs"]
    govern(path)
    # The stages before it are done anew, and may leave the same documents.
    assert measuring("short/word_count.min=13") == ["reused", "open", "open"]


def test_other_survivors_are_measured_and_the_same_are_not(make: Callable[..., Path], govern: Run) -> None:
    path = make()
    first = govern(path)

    def measured_anew(*changes: str) -> list[str]:
        """The steps whose families are measured by a changed recipe."""
        done = govern(path, changes=list(changes))
        before = set(first.manifest["products"])
        return [
            entry["step"]
            for entry in done.manifest["signals"]
            if not {f"receipts/signals-{Path(entry['files'][0]).parent.name.split('-')[-1]}/*.json"} <= before
        ]

    assert measured_anew("letters/char_entropy.missing=keep") == []
    assert measured_anew("longer/word_count.min=30") == ["last"]
    assert measured_anew("short/word_count.min=15") == ["letters", "longer", "last"]


def verified(ledger: Ledger, changes: list[str]) -> dict[str, Any]:
    def run_it(base: Ledger, recipe: Recipe) -> np.ndarray:
        with Reporter(quiet=True) as reporter:
            return rerun(base, recipe, LocalExecutor(1), reporter)

    return what_if(ledger, changes, verify=run_it)


def test_what_if_says_where_others_would_have_to_be_measured(
    make: Callable[..., Path], govern: Run, tmp_path: Path
) -> None:
    path = make()
    done = govern(path)
    own = ["last/mean_word_length.max=4.5"]
    known = what_if(done.ledger, own)
    assert known["exact"]
    assert (
        known["removed"]["low"] == govern(path, output=str(tmp_path / "own"), changes=own).counts["removed"]
    )
    with pytest.raises(ConfigError, match=r"reach last, of which no others were measured.*--verify"):
        what_if(done.ledger, ["letters/char_entropy.min=0"])
    earlier = ["short/word_count.min=10"]
    with pytest.raises(ConfigError, match="reach letters, longer, exact_dedup, last, of which"):
        what_if(done.ledger, earlier)
    sure = verified(done.ledger, earlier)
    after = govern(path, output=str(tmp_path / "after"), changes=earlier)
    assert sure["exact"]
    assert {step["name"]: step["removed"]["low"] for step in sure["steps"]} == {
        step["name"]: step["removed"] for step in after.manifest["steps"]
    }
    assert after.counts["removed"] < done.counts["removed"]


def test_what_if_of_all_kinds_of_steps_behind_a_gate(
    make: Callable[..., Path], govern: Run, tmp_path: Path
) -> None:
    path = make(ALL_KINDS)
    done = govern(path)
    for change, refusal in {
        "short/word_count.min=10": "reach letters, again, near_dedup, exact_dedup, last, of which",
        "letters/char_entropy.min=0": "what step 'span_dedup' cuts.*documents again",
        "near_dedup/verify.jaccard=0.9": "reach last, of which",
    }.items():
        with pytest.raises(ConfigError, match=refusal):
            what_if(done.ledger, [change])
        sure = verified(done.ledger, [change])
        after = govern(path, output=str(tmp_path / change.partition("/")[0]), changes=[change])
        assert [step["removed"]["low"] for step in sure["steps"]] == [
            step["removed"] for step in after.manifest["steps"]
        ]
    with pytest.raises(ConfigError, match=f"measures: {done.manifest['steps'][1]['in']} documents would"):
        verified(done.ledger, ["exact_dedup/keep=longest"])


def test_what_if_of_a_step_that_only_annotates_is_known(make: Callable[..., Path], govern: Run) -> None:
    noted = bounded("noted", survivors=False, word_count={"min": 14})
    noted["filter"]["annotate"] = True
    done = govern(make([noted, LETTERS]))
    known = what_if(done.ledger, ["noted/word_count.min=10"])
    assert known["exact"]
    assert known["removed"]["low"] == done.counts["removed"]
    # Nobody is left behind by it, so that all were measured, of any that would drop some.
    known = what_if(done.ledger, ["noted/annotate=false"])
    noted["filter"]["annotate"] = False
    assert known["exact"]
    assert (
        known["removed"]["low"] == govern(make([noted, LETTERS])).counts["removed"] > done.counts["removed"]
    )


SIGNALS = {"word_count": 12, "mean_word_length": 4, "char_entropy": 3.5, "distinct_word_fraction": 0.9}


def some_step(random: Random) -> dict[str, Any]:
    kind = random.choice(
        ["filter", "filter", "filter", "exact_dedup", "near_dedup", "span_dedup", "normalise"]
    )
    if kind == "near_dedup":
        return {kind: {"bands": 8, "rows": 1, "shingle": 2, "verify": {"jaccard": 0.5}}}
    if kind != "filter":
        return {kind: {}}
    signal, limit = random.choice(list(SIGNALS.items()))
    bound = {random.choice(["min", "max"]): random.choice([limit, {"quantile": random.choice([0.2, 0.6])}])}
    when = random.choice([None, "han", "latin"])
    covers = {} if when is None else {"when": {"script": when}, "otherwise": random.choice(["keep", "drop"])}
    return {kind: {"bounds": {signal: bound}, "measure": random.choice(["all", "survivors"]), **covers}}


def some_text(random: Random) -> str:
    of_han = "".join(random.choice("的一是在不了有和人这") for _ in range(random.randrange(30)))
    return random.choice([prose(random.randrange(9), random.randrange(1, 25)), of_han, ""])


@pytest.mark.slow
@settings(max_examples=examples(6), suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_decisions_do_not_depend_on_who_is_measured(
    tmp_path_factory: pytest.TempPathFactory, recipe: MakeRecipe, govern: Run, seed: int
) -> None:
    random = Random(seed)
    folder = tmp_path_factory.mktemp("random")
    texts = {f"{at:02d}": some_text(random) for at in range(random.randrange(1, 30))}
    write_corpus(folder / "corpus", texts, shards=random.randint(1, 3))
    steps = [{"name": f"s{at}", **some_step(random)} for at in range(random.randint(1, 5))]
    # Of adjacent filters with `when` only the last may say `otherwise`: here there is one at most.
    for step in [step for step in steps if "when" in step.get("filter", {})][1:]:
        del step["filter"]["when"], step["filter"]["otherwise"]
    done = govern(recipe(folder, steps=steps))
    whole = govern(recipe(folder, steps=of_all(steps)), output=str(folder / "whole"))
    assert fates(done).tolist() == fates(whole).tolist()
    assert done.decisions() == whole.decisions()
    assert done.exported().equals(whole.exported())
