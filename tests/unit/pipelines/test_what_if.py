"""what-if against full reruns: ranges hold, exact means exact, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from examples import examples
from governing import Finished, Governed, contents
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_corpora import prose, variant, write_corpus

from datagov.errors import ConfigError, InputError, LedgerError
from datagov.ledger.reader import Ledger
from pipelines.executors.local import LocalExecutor
from pipelines.fates import ALIVE
from pipelines.parts import cut
from pipelines.progress import Reporter
from pipelines.recipe import Recipe, load_recipe
from pipelines.what_if import what_if
from pipelines.what_if.evidence import Evidence
from pipelines.what_if.recorded import changed_recipe, recorded_recipe
from pipelines.what_if.rerun import rerun

Run = Callable[..., Governed]
MakeRecipe = Callable[..., Path]

PROFILE = """
profile: shape
version: 1
title: Lengths of texts and words
sources: {tests: made for the tests}
not_included: []
bounds:
  - {signal: word_count, min: 2, max: 12, missing: keep, source: "tests, here"}
  - {signal: mean_word_length, min: 1, max: 3, missing: keep, source: "tests, here"}
"""
FILTER = {"filter": {"profile": "shape.yaml"}}
PART_ROWS = 4


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut small corpora into several parts, for runs and for what-if alike."""
    monkeypatch.setattr("pipelines.plan.cut", partial(cut, part_rows=PART_ROWS))


def verified(ledger: Ledger, changes: list[str]) -> tuple[dict[str, Any], np.ndarray]:
    """The answer with --verify, and the fates it stands on."""
    seen: list[np.ndarray] = []

    def run_it(base: Ledger, recipe: Recipe) -> np.ndarray:
        with Reporter(quiet=True) as reporter:
            seen.append(rerun(base, recipe, LocalExecutor(1), reporter))
        return seen[0]

    return what_if(ledger, changes, verify=run_it), seen[0]


def figures(answer: dict[str, Any]) -> Iterator[tuple[str, dict[str, int]]]:
    """Every figure of an answer with its name."""
    for name in ("removed", "kept", "newly_removed", "newly_kept"):
        yield name, answer[name]
    for step in answer["steps"]:
        yield step["name"], step["removed"]
    for row in answer["by_source"]:
        yield f"source {row['source']}", row["kept"]


def truth(before: Governed, after: Governed) -> dict[str, int]:
    """The same figures, read off two full runs."""
    was, is_ = before.decisions(), after.decisions()
    found = {
        "removed": after.counts["removed"],
        "kept": after.counts["kept"],
        "newly_removed": sum(was[key]["action"] == "keep" != is_[key]["action"] for key in was),
        "newly_kept": sum(was[key]["action"] != "keep" == is_[key]["action"] for key in was),
        **{step["name"]: step["removed"] for step in after.manifest["steps"]},
    }
    for source in {row["source"] for row in is_.values()}:
        kept = sum(row["source"] == source and row["action"] == "keep" for row in is_.values())
        found[f"source {source}"] = kept
    return found


WORDS = [*"abcdefgh", "ii", "jj", "kkk", "llll"]
KEEP = ["longest", "shortest", "first", {"max": "score"}, [{"source": ["y"]}, "longest"]]


def some_text(random: Random, texts: list[str]) -> str:
    """A few words, or a text that was there before, as it is or with a word more or less."""
    if texts and random.random() < 0.6:
        words = random.choice(texts).split(" ")
        at = random.randrange(len(words) + 1)
        return " ".join(random.choice([words, words[:at], [*words[:at], random.choice(WORDS), *words[at:]]]))
    return " ".join(random.choice(WORDS) for _ in range(random.randrange(16)))


VOWELS = """
import pyarrow as pa
import pyarrow.compute as pc

from datagov.rule import RuleInfo, SignalFamily


def measure(batch, params):
    vowels = pc.count_substring_regex(batch.texts, "[aei]").cast(pa.int64())
    return pa.RecordBatch.from_pydict({"vowels": vowels, "chars": pa.array(batch.chars)})


VOWELS = SignalFamily(
    "vowels",
    1,
    measure,
    (RuleInfo("vowel_fraction", "vowels", "chars", "share", "Vowels.", (0, 1), "no character", "tests, here"),),
)
"""
WHERE = [
    "vowel_fraction > 0.2 OR word_count > 9",
    "word_count * mean_word_length BETWEEN 2 AND 14",
    "NOT (mean_word_length > 2 AND vowel_fraction = 0)",
]


def some_limit(random: Random, *numbers: Any) -> Any:
    by = random.choice([None, "source"])
    return random.choice([*numbers, {"quantile": random.choice([0.1, 0.25, 0.5]), "by": by}])


def some_bounds(random: Random) -> dict[str, Any]:
    return {
        "word_count": {"min": some_limit(random, random.randrange(9)), "max": random.randrange(10, 18)},
        "mean_word_length": {"max": random.choice([1.5, 2, 3, None])},
        "vowel_fraction": {"max": some_limit(random, 0.3, 0.6), "missing": random.choice(["keep", "drop"])},
    }


def some_filter(random: Random) -> dict[str, Any]:
    where = [{"sql": random.choice(WHERE), "missing": random.choice(["keep", "drop"])}]
    return {
        "filter": {
            "profile": "shape.yaml",
            "signals": "vowel_rules:VOWELS",
            "bounds": some_bounds(random),
            "where": where if random.random() < 0.4 else [],
        }
    }


EVERY_EDIT: list[dict[str, Any]] = [
    {"normalise": {"when": {"script": "latin"}}},
    {"repair": {}},
    {"width": {"when": {"script": "latin"}}},
    {"simplify": {}},
    {"drop_lines": {"contains": "kkk"}},
    {"drop_lines": {"preset": "c4", "phrases": ["javascript"], "when": {"script": ["latin", "none"]}}},
    {"drop_repeated_lines": {"adjacent": True}},
    {"redact": {"kinds": ["email"], "tags": {"email": "[e]"}}},
]
SOME_EDITS = [{"normalise": {}}, *EVERY_EDIT[4:5]]


def some_step(random: Random) -> dict[str, Any]:
    kind = random.choice(["filter", "exact_dedup", "near_dedup", "near_dedup", "edit"])
    if kind == "filter":
        return some_filter(random)
    if kind == "exact_dedup":
        within = random.choice([[], ["source"]])
        return {
            kind: {
                "keep": random.choice(KEEP),
                "on": random.choice(["text", "text", "score"]),
                "within": within,
            }
        }
    if kind == "edit":
        return dict(random.choice(SOME_EDITS))
    return {
        kind: {
            "bands": random.randint(1, 8),
            "rows": random.randint(1, 2),
            "shingle": random.randint(1, 2),
            "verify": {"jaccard": random.choice([0.4, 0.6, 0.8])},
            "keep": random.choice(KEEP),
            "tries": random.choice([1, 2, 64]),
            "annotate": random.random() < 0.15,
        }
    }


def some_changes(random: Random, steps: list[dict[str, Any]], must: int) -> list[str]:
    changes = []
    for at, step in enumerate(steps):
        if "filter" in step and (at == must or random.random() < 0.5):
            limit = random.choice([random.randrange(9), "{quantile: 0.2}", "{quantile: 0.4, by: source}"])
            changes.append(f"{step['name']}/word_count.min={limit}")
            if random.random() < 0.3:
                changes.append(f"{step['name']}/where={random.choice(WHERE)}")
            if random.random() < 0.3:
                changes.append(f"{step['name']}/mean_word_length.max={random.choice(['1.3', '2', 'null'])}")
        if "near_dedup" in step and random.random() < 0.2:
            options = [
                "verify.jaccard=0.5",
                "verify.jaccard=0.9",
                "tries=2",
                "annotate=true",
                "annotate=false",
                "keep=shortest",
                "keep={max: score}",
            ]
            changes.append(f"{step['name']}/{random.choice(options)}")
    return changes


@pytest.mark.slow
@settings(max_examples=examples(15), suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_what_if_holds_against_a_full_rerun(
    tmp_path_factory: pytest.TempPathFactory, recipe: MakeRecipe, govern: Run, seed: int
) -> None:
    random = Random(seed)
    folder = tmp_path_factory.mktemp("random")
    listed: list[str] = []
    for _ in range(random.randrange(1, 33)):
        listed.append(some_text(random, listed))
    texts = {f"{at:02d}": text for at, text in enumerate(listed)}
    source = {key: random.choice(["x", "y", None]) for key in texts}
    score = {key: random.randrange(3 * len(texts)) // 2 for key in texts}
    shards = random.randint(1, 3)
    write_corpus(folder / "corpus", texts, shards=shards, row_group_rows=3, source=source, score=score)
    (folder / "shape.yaml").write_text(PROFILE)
    (folder / "vowel_rules.py").write_text(VOWELS)
    steps = [some_step(random) for _ in range(random.randint(1, 4))]
    at = random.randint(0, len(steps))
    steps.insert(at, some_filter(random))
    steps = [{"name": f"s{number}", **step} for number, step in enumerate(steps)]
    changes = some_changes(random, steps, at)
    path = recipe(folder, steps=steps, input={"source": "source"})
    before = govern(path)
    files = contents(before.out, ".")
    answer = what_if(before.ledger, changes)
    assert contents(before.out, ".") == files
    sure, fates = verified(before.ledger, changes)
    assert contents(before.out, ".") == files
    after = govern(path, output=str(folder / "after"), changes=changes)
    true = truth(before, after)
    for name, figure in figures(answer):
        assert figure["low"] <= true[name] <= figure["high"], name
        if answer["exact"]:
            assert figure["low"] == figure["high"], name
    for name, figure in figures(sure):
        assert figure["low"] == figure["high"] == true[name], name
    assert sure["exact"]
    assert sure["recipe_digest"] == answer["recipe_digest"] == after.manifest["recipe_digest"]
    decided = Evidence(after.ledger, recorded_recipe(after.ledger)).fates
    assert fates.tolist() == decided.tolist()


@pytest.fixture
def governed(tmp_path: Path, recipe: MakeRecipe, govern: Run) -> Run:
    """Run steps over a corpus of prose of three lengths, with copies near and exact."""

    def governed(*steps: dict[str, Any], **options: Any) -> Governed:
        texts: dict[str, str | None] = {}
        for at in range(6):
            base = prose(at, 10 + 4 * at)
            texts |= {f"{at}": base, f"{at} copy": base, f"{at} near": variant(base, longer=2, seed=at)}
        texts["null"] = None
        day = {key: f"2024-01-{at + 1:02d}" for at, key in enumerate(texts)}
        if not (tmp_path / "corpus").exists():
            number = dict(zip(texts, range(len(texts)), strict=True))
            write_corpus(tmp_path / "corpus", texts, shards=2, day=day, number=number)
        (tmp_path / "long.yaml").write_text(LONG)
        return govern(recipe(tmp_path, steps=list(steps)), **options)

    return governed


LONG = """
profile: long
version: 1
title: Not too short
sources: {tests: made for the tests}
not_included: []
bounds: [{signal: word_count, min: 20, missing: keep, source: "tests, here"}]
"""
LONG_ENOUGH = {"filter": {"profile": "long.yaml"}}
ALIKE = {"near_dedup": {"bands": 40, "rows": 1, "shingle": 2, "verify": {"jaccard": 0.6}}}


def removals(answer: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {step["name"]: (step["removed"]["low"], step["removed"]["high"]) for step in answer["steps"]}


def test_bounds_and_exact_copies_are_decided_exactly(governed: Run) -> None:
    done = governed(LONG_ENOUGH, {"exact_dedup": {}})
    loose = what_if(done.ledger, ["filter/word_count.min=12"])
    assert (loose["exact"], loose["unknown_pairs"], loose["documents_in"], loose["errored"]) == (
        True,
        0,
        19,
        1,
    )
    assert removals(loose) == {"filter": (2, 2), "exact_dedup": (5, 5)}
    assert loose["newly_kept"] == {"low": 4, "high": 4}
    assert loose["settings"] == [{"path": "steps.filter.bounds.word_count.min", "a": 20.0, "b": 12.0}]
    tight = what_if(done.ledger, ["filter/word_count.min=30"])
    assert removals(tight) == {"filter": (15, 15), "exact_dedup": (1, 1)}


def test_documents_that_come_back_are_compared_only_by_verify(governed: Run) -> None:
    done = governed(LONG_ENOUGH, ALIKE)
    changes = ["filter/word_count.min=0"]
    answer = what_if(done.ledger, changes)
    assert not answer["exact"]
    assert answer["unknown_pairs"] > 0
    low, high = removals(answer)["near_dedup"]
    assert low == answer["steps"][1]["removed"]["before"]
    sure, _ = verified(done.ledger, changes)
    assert sure["exact"]
    assert low < removals(sure)["near_dedup"][0] <= high
    assert removals(sure)["near_dedup"] == (12, 12)


def test_what_another_run_compared_is_known(governed: Run) -> None:
    """A Jaccard is a fact about two texts, whichever run of the folder found it."""
    done = governed(LONG_ENOUGH, ALIKE)
    governed(LONG_ENOUGH, ALIKE, changes=["filter/word_count.min=0"])
    first = Ledger.open(done.out, run="r1")
    assert what_if(first, ["filter/word_count.min=0"])["exact"]


def test_fewer_documents_before_near_dedup_leave_nothing_open(governed: Run) -> None:
    """Copies fall with their keeper's group; those left were compared."""
    done = governed(LONG_ENOUGH, ALIKE, {"name": "last", **LONG_ENOUGH})
    for change in ("filter/word_count.min=27", "last/word_count.min=27", "near_dedup/annotate=true"):
        answer = what_if(done.ledger, [change])
        sure, fates = verified(done.ledger, [change])
        assert answer["exact"], change
        assert removals(answer) == removals(sure)
        assert int((fates == ALIVE).sum()) == answer["kept"]["low"]


def test_keep_columns_are_read_from_the_input_while_it_is_unchanged(governed: Run, tmp_path: Path) -> None:
    done = governed(LONG_ENOUGH, {"near_dedup": {**ALIKE["near_dedup"], "keep": {"newest": "day"}}})
    assert what_if(done.ledger, ["filter/word_count.min=25"])["exact"]
    write_corpus(tmp_path / "corpus", {"another": prose(1)}, day={"another": "2024-02-01"})
    with pytest.raises(InputError, match="has changed since"):
        what_if(done.ledger, ["filter/word_count.min=25"])
    with pytest.raises(InputError, match="has changed since"):
        verified(done.ledger, ["filter/word_count.min=25"])


def test_another_keep_policy_is_elected_anew(governed: Run) -> None:
    done = governed(ALIKE)
    # The latest is the longest: the same order, told by another column.
    for change, exact in (("near_dedup/keep=shortest", False), ("near_dedup/keep={max: number}", True)):
        answer = what_if(done.ledger, [change])
        sure, _ = verified(done.ledger, [change])
        assert (
            removals(answer)["near_dedup"][0]
            <= removals(sure)["near_dedup"][0]
            <= removals(answer)["near_dedup"][1]
        )
        assert answer["exact"] == exact
    with pytest.raises(InputError, match="no column 'nmber'"):
        what_if(done.ledger, ["near_dedup/keep={max: nmber}"])


def test_another_bucket_cap_needs_verify(governed: Run) -> None:
    done = governed(ALIKE)
    with pytest.raises(ConfigError, match="--verify"):
        what_if(done.ledger, ["near_dedup/bucket_cap=2"])
    assert verified(done.ledger, ["near_dedup/bucket_cap=2"])[0]["exact"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("near_dedup/shingle=3", r"near_dedup measures: all 19 documents"),
        ("exact_dedup/keep=longest", r"exact_dedup measures: all 19 documents"),
        ("normalise/form=NFKC", r"all 19 documents"),
        ("filter/word_cout.min=3", "Did you mean 'word_count'"),
        ("filter/word_count.min=many", "finite number"),
        ("filter/when.script=han", "of a filter the ledger can decide again"),
        ("filtre/word_count.min=3", "Did you mean 'filter'"),
        ("near_dedup/verify.jacard=0.5", "Did you mean 'jaccard'"),
        ("near_dedup/verify.jaccard.x=0.5", "not a mapping"),
        ("word_count.min=3", "expected STEP/SIGNAL.min=VALUE"),
        ("filter/otherwise=drop", "needs a `when`"),
        ("near_dedup/keep=longst", "Did you mean 'longest'"),
    ],
)
def test_changes_that_cannot_be_decided_are_refused(governed: Run, change: str, message: str) -> None:
    done = governed({"normalise": {}}, LONG_ENOUGH, {"exact_dedup": {}}, ALIKE)
    with pytest.raises(ConfigError, match=message):
        what_if(done.ledger, [change])


def test_a_recorded_recipe_is_the_recipe(tmp_path: Path, recipe: MakeRecipe, govern: Run) -> None:
    write_corpus(tmp_path / "corpus", {"a": prose("a"), "b": "漢字漢字"}, source={"a": "x"})
    steps = [
        {"normalise": {"form": "NFKC"}},
        {"filter": {"profile": "fineweb2-zh", "when": {"script": "han"}}},
        {"filter": {"profile": "gopher-en", "when": {"script": "latin"}, "otherwise": "drop"}},
        {"exact_dedup": {"keep": [{"source": ["x", "y"]}, "longest"], "within": "source"}},
        {"near_dedup": {"preset": "map-cc", "annotate": True}},
    ]
    path = recipe(tmp_path, steps=steps, input={"source": "source"})
    done = govern(path)
    read = recorded_recipe(done.ledger)
    assert read.canonical() == done.plan.recipe.canonical()
    changes = ["filter-2/word_count.min=1", "filter-2/otherwise=keep", "near_dedup/verify.jaccard=0.5"]
    assert changed_recipe(read, changes).digest == load_recipe(path, changes=changes).digest
    answer = what_if(done.ledger, changes[1:2])
    assert removals(answer) == removals(verified(done.ledger, changes[1:2])[0])
    with pytest.raises(ConfigError, match="Say what to change"):
        what_if(done.ledger, [])


@pytest.mark.parametrize("edit", EVERY_EDIT, ids=lambda edit: next(iter(edit)))
def test_every_edit_is_read_back_and_decided_after(governed: Run, edit: dict[str, Any]) -> None:
    done = governed(edit, LONG_ENOUGH, ALIKE)
    recorded = recorded_recipe(done.ledger)
    assert recorded.canonical() == done.plan.recipe.canonical()
    assert [type(step.spec) for step in recorded.steps] == [
        type(step.spec) for step in done.plan.recipe.steps
    ]
    changes = ["filter/word_count.min=24"]
    answer, _ = verified(done.ledger, changes)
    known = dict(figures(answer))
    for name, figure in figures(what_if(done.ledger, changes)):
        assert figure["low"] <= known[name]["low"] <= figure["high"], name
    (kind,) = edit
    with pytest.raises(ConfigError, match="measured again"):
        what_if(done.ledger, [f"{kind}/when={{script: cyrillic}}"])


@pytest.mark.parametrize("table", ["documents", "signals", "keys", "buckets", "pairs"])
def test_a_ledger_that_lost_a_file_says_so(governed: Run, table: str) -> None:
    done = governed(LONG_ENOUGH, {"exact_dedup": {}}, ALIKE)
    for path in (done.out / "ledger" / table).rglob("*.parquet"):
        path.unlink()
    if table == "keys":
        for path in (done.out / "receipts").glob("keys-*/*"):
            path.unlink()
    with pytest.raises(LedgerError, match="run the recipe again"):
        what_if(done.ledger, ["filter/word_count.min=25"])
    if table not in {"buckets", "pairs"}:
        with pytest.raises(LedgerError, match="run the recipe again"):
            verified(done.ledger, ["filter/word_count.min=25"])


def test_the_command_answers_people_and_programs(
    cli: Callable[..., Finished], governed: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    done = governed(LONG_ENOUGH, ALIKE)
    change = ("--set", "filter/word_count.min=0")
    open_ = cli("what-if", "--ledger", done.out, *change)
    assert open_.code == 0, open_.err
    assert "never compared" in open_.out
    assert " to " in open_.out
    found = cli("what-if", "--ledger", done.out, *change, "--json").json
    assert (found["exact"], found["verified"]) == (False, False)
    assert found["kept"]["low"] < found["kept"]["high"]
    sure = cli("what-if", "--ledger", done.out, *change, "--verify", "--workers", "1", "--json")
    assert sure.code == 0, sure.err
    assert (sure.json["exact"], sure.json["verified"], sure.json["kept"]["low"]) == (True, True, 6)
    assert [path.name for path in (done.out / "runs").iterdir()] == ["r1.json"]
    assert not list((done.out / "work").glob("what-if-*"))
    none = cli("what-if", "--ledger", done.out)
    assert (none.code, "--set" in none.err) == (2, True)
    lonely = cli("what-if", "--ledger", done.out, *change, "--workers", "2")
    assert (lonely.code, "--verify" in lonely.err) == (2, True)
