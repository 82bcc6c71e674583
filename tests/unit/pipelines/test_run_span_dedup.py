"""The step `span_dedup`: runs held against a count in plain Python, and what the ledger says of it."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from governing import Governed, contents, govern, plan_of
from made_corpora import prose, write_corpus

from datagov.errors import ConfigError, InputError
from datagov.ledger.explain import explain
from datagov.ledger.explain_text import print_explanation
from pipelines.executors.local import LocalExecutor
from pipelines.outlook import stages_of, summary
from pipelines.parts import cut
from pipelines.progress import Reporter
from pipelines.recipe import load_recipe
from pipelines.what_if import what_if
from pipelines.what_if.rerun import rerun

Recipe = Callable[..., Path]

MENU = ("Home", "About us", "Terms of use, 2023", "版权所有。")
PART_ROWS = 5


def made(count: int, seed: int = 0) -> dict[str, str]:
    """Documents of lines, some of them said often."""
    random = Random(seed)
    texts = {}
    for at in range(count):
        lines = [prose(f"{seed} {random.randrange(2 * count)}", 4) for _ in range(random.randrange(4))]
        lines += random.choices([*MENU, "", "  Home ", "Terms of Use, 2024"], k=random.randrange(4))
        random.shuffle(lines)
        texts[f"d{at:02d}"] = "\n".join(lines)
    texts["empty"] = ""
    return texts


TEXTS = made(40)
SOURCES = {key: "ab"[number % 2] for number, key in enumerate(TEXTS)}


def expected(
    texts: dict[str, str],
    *,
    min_count: int = 2,
    keep: str = "first",
    bucket: Callable[[str], Any] = lambda _: 0,
) -> dict[str, str]:
    """The texts without the lines that are said before."""
    counts = Counter((bucket(key), line.strip()) for key, text in texts.items() for line in text.split("\n"))
    seen: set[Any] = set()
    after = {}
    for key, text in texts.items():
        kept = []
        for line in text.split("\n"):
            said = (bucket(key), line.strip())
            first = said not in seen
            seen.add(said)
            if not line.strip() or counts[said] < min_count or (keep == "first" and first):
                kept.append(line)
        after[key] = "\n".join(kept)
    return after


@pytest.fixture
def make(tmp_path: Path, recipe: Recipe) -> Callable[..., Path]:
    """Write the corpus as four shards, and a recipe for it."""

    def make(*steps: dict[str, Any], texts: dict[str, str] = TEXTS, **changes: Any) -> Path:
        if not (tmp_path / "corpus").exists():
            write_corpus(tmp_path / "corpus", texts, shards=4, source=SOURCES)
        return recipe(tmp_path, steps=list(steps), input={"source": "source"}, **changes)

    return make


def exported(done: Governed) -> dict[str, str]:
    table = done.exported()
    return dict(zip(table.column("id").to_pylist(), table.column("text").to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("options", "oracle"),
    [
        ({}, {}),
        ({"min_count": 3}, {"min_count": 3}),
        ({"min_count": 3, "keep": "none"}, {"min_count": 3, "keep": "none"}),
        ({"within": "source"}, {"bucket": SOURCES.__getitem__}),
        ({"bucket_documents": 10}, {"bucket": lambda key: list(TEXTS).index(key) // 10}),
    ],
)
def test_lines_are_counted_over_the_run(
    make: Callable[..., Path], options: dict[str, Any], oracle: dict[str, Any]
) -> None:
    done = govern(make({"span_dedup": options}), part_rows=PART_ROWS)
    assert exported(done) == expected(TEXTS, **oracle)


def gone(texts: dict[str, str], length: int) -> dict[str, set[int]]:
    """The characters of each text that stand in a window that stands before it."""
    first: dict[str, tuple[str, int]] = {}
    found: dict[str, set[int]] = {}
    for key, text in texts.items():
        found[key] = set()
        for at in range(len(text) - length + 1):
            holder, place = first.setdefault(text[at : at + length], (key, at))
            if holder != key or at >= place + length:
                found[key].update(range(at, at + length))
    return found


def test_substrings_go_character_by_character(make: Callable[..., Path], tmp_path: Path) -> None:
    steps = [
        {"normalise": {}},
        {"span_dedup": {"unit": "substring", "length": 20}},
        {"drop_lines": {"blank": True}},
    ]
    done = govern(make(*steps[:2]), part_rows=PART_ROWS)
    known = gone(TEXTS, 20)
    assert sum(map(bool, known.values())) > 10
    after = exported(done)
    assert after == {
        key: "".join(char for at, char in enumerate(text) if at not in known[key])
        for key, text in TEXTS.items()
    }
    own = {row["doc_id"]: row["id"] for row in done.rows("SELECT doc_id, id FROM documents")}
    covered: dict[str, set[int]] = {key: set() for key in TEXTS}
    for row in done.rows("SELECT * FROM repeats"):
        start, end = row["span_start"], row["span_end"]
        text, other = TEXTS[own[row["doc_id"]]], TEXTS[own[row["keeper"]]]
        assert text[start:end] == other[row["keeper_start"] : row["keeper_start"] + end - start]
        covered[own[row["doc_id"]]].update(range(start, end))
    assert covered == known
    other = govern(make(*steps[:2]), workers=2, part_rows=PART_ROWS, output=str(tmp_path / "two"))
    assert contents(done.out, "ledger", "data") == contents(other.out, "ledger", "data")
    path = make(*steps)
    labels = [label for label, _ in stages_of(load_recipe(path))]
    last = govern(path, part_rows=PART_ROWS)
    assert list(dict.fromkeys(labels)) == [stage["name"] for stage in last.manifest["stages"]]


def test_what_went_and_where_it_stays(make: Callable[..., Path]) -> None:
    done = govern(make({"span_dedup": {"preset": "map-neo"}}), part_rows=PART_ROWS)
    after = exported(done)
    spans = done.rows("SELECT id, rule, span_start, span_end FROM spans JOIN documents USING (doc_id)")
    for key, text in TEXTS.items():
        found = sorted((row["span_start"], row["span_end"]) for row in spans if row["id"] == key)
        left = text
        for start, end in reversed(found):
            left = left[:start] + left[end:]
        assert left == after[key]
    counts = Counter(line.strip() for text in TEXTS.values() for line in text.split("\n"))
    own = {row["doc_id"]: row["id"] for row in done.rows("SELECT doc_id, id FROM documents")}
    repeats = done.rows("SELECT * FROM repeats")
    assert len(repeats) == sum(count - 1 for line, count in counts.items() if line)
    for row in repeats:
        said = TEXTS[own[row["doc_id"]]][row["span_start"] : row["span_end"]].strip()
        assert counts[said] == row["copies"]
        at = row["keeper_start"]
        assert TEXTS[own[row["keeper"]]][at:].strip().startswith(said)
        assert said in after[own[row["keeper"]]].split("\n") or said in {
            line.strip() for line in after[own[row["keeper"]]].split("\n")
        }
    edits = done.rows("SELECT sum(units_removed)::BIGINT AS units FROM edits_span_dedup")
    assert edits == [{"units": len(repeats)}]


def test_explain_says_where_the_copy_is(
    make: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    done = govern(make({"span_dedup": {}}), part_rows=PART_ROWS)
    (row,) = done.rows(
        "SELECT doc_id, keeper, keeper_start FROM repeats WHERE keeper <> doc_id ORDER BY ALL LIMIT 1"
    )
    told = explain(done.ledger, row["doc_id"])
    (step,) = told["steps"]
    assert step["status"] == "edited"
    assert (row["keeper"], row["keeper_start"]) in {
        (unit["keeper"].hex, unit["keeper_start"]) for unit in step["repeats"]
    }
    print_explanation(told)
    assert f"the one at {row['keeper_start']} of {row['keeper']} stays" in capsys.readouterr().out


def steps(least: int = 3) -> list[dict[str, Any]]:
    return [
        {"normalise": {}},
        {"name": "short", "filter": {"bounds": {"word_count": {"min": least, "missing": "keep"}}}},
        {"span_dedup": {"min_count": 3}},
        {"name": "long", "filter": {"bounds": {"word_count": {"min": 8}}}},
        {"name": "again", "span_dedup": {"unit": "paragraph"}},
        {"near_dedup": {"bands": 20, "rows": 2, "shingle": 2}},
    ]


def test_only_documents_that_reach_the_step_count(make: Callable[..., Path]) -> None:
    done = govern(make(*steps()), part_rows=PART_ROWS)
    reached = {key: TEXTS[key] for key, row in done.decisions().items() if row["step"] != "short"}
    assert 0 < len(reached) < len(TEXTS)
    after = expected({key: TEXTS[key] for key in TEXTS if key in reached}, min_count=3)
    # A filter behind the step sees the texts that it leaves.
    short = {key for key in reached if len(after[key].split()) < 8}
    assert {key for key, row in done.decisions().items() if row["step"] == "long"} == short
    for key, text in exported(done).items():
        assert set(text.split("\n")) <= set(after[key].split("\n"))


def test_same_bytes_however_it_is_done(make: Callable[..., Path], tmp_path: Path) -> None:
    path = make(*steps())
    first = govern(path, part_rows=PART_ROWS)
    second = govern(path, part_rows=PART_ROWS, workers=2, output=str(tmp_path / "two"))
    assert contents(first.out, "ledger", "data") == contents(second.out, "ledger", "data")
    third = govern(path, output=str(tmp_path / "parts"))
    assert exported(third) == exported(first)
    assert third.verdicts() == first.verdicts()


def test_a_run_goes_on_where_it_was_stopped(make: Callable[..., Path], tmp_path: Path) -> None:
    path = make(*steps())
    first = govern(path, part_rows=PART_ROWS)
    expected_files = contents(first.out, "ledger", "data", "work")
    for stages in ("count", "mark"), ("mark", "edits"), ("count", "edits", "signals", "resolve", "export"):
        for folder in sorted((first.out / "receipts").iterdir()):
            if folder.name.rpartition("-")[0] in stages:
                shutil.rmtree(folder)
        (first.out / "runs/r1.json").unlink()
        again = govern(path, part_rows=PART_ROWS)
        assert again.manifest["complete"]
        assert contents(first.out, "ledger", "data", "work") == expected_files
    shutil.rmtree(first.out / "ledger/repeats")
    govern(path, part_rows=PART_ROWS)
    assert contents(first.out, "ledger", "data", "work") == expected_files


def test_a_changed_bound_counts_again(make: Callable[..., Path], tmp_path: Path) -> None:
    path = make(*steps())
    first = govern(path, part_rows=PART_ROWS)
    second = govern(path, part_rows=PART_ROWS, changes=["short/word_count.min=6"])
    fresh = govern(make(*steps(6)), part_rows=PART_ROWS, output=str(tmp_path / "fresh"))
    assert second.manifest["run_id"] == "r2"
    assert second.verdicts() == fresh.verdicts()
    assert exported(second) == exported(fresh)
    assert first.manifest["settled"] != second.manifest["settled"]


def test_a_plan_says_what_will_be_done(make: Callable[..., Path]) -> None:
    path = make(*steps())
    before = summary(plan_of(path, part_rows=PART_ROWS))
    assert {stage["state"] for stage in before["stages"]} == {"runs"}
    assert [stage["steps"] for stage in before["stages"] if stage["stage"] == "measure"] == [
        ["normalise", "short", "span_dedup"],
        ["span_dedup", "long", "again"],
        ["again", "near_dedup"],
    ]
    done = govern(path, part_rows=PART_ROWS)
    labels = [label for label, _ in stages_of(load_recipe(path))]
    assert list(dict.fromkeys(labels)) == [stage["name"] for stage in done.manifest["stages"]]
    after = summary(plan_of(path, part_rows=PART_ROWS))
    assert {stage["state"] for stage in after["stages"]} == {"reused"}
    changed = summary(plan_of(path, part_rows=PART_ROWS, changes=["short/word_count.min=4"]))
    states = {stage["stage"]: stage["state"] for stage in changed["stages"]}
    assert states["identify"] == "reused"
    assert states["span_dedup: mark"] == states["decide"] == "open"


def test_what_if(make: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.plan.cut", partial(cut, part_rows=PART_ROWS))
    done = govern(make(*steps()))

    def again(ledger: Any, recipe: Any) -> Any:
        with Reporter(quiet=True) as reporter:
            return rerun(ledger, recipe, LocalExecutor(1), reporter)

    before = contents(done.out, "ledger", "data", "receipts")
    for changes in (["short/word_count.min=6", "long/word_count.min=2"], ["span_dedup/min_count=2"]):
        with pytest.raises(ConfigError, match=r"may change what step '(span_dedup|again)' cuts"):
            what_if(done.ledger, changes)
        answer = what_if(done.ledger, changes, verify=again)
        fresh = govern(make(*steps()), changes=changes, output=str(tmp_path / "fresh"))
        assert answer["exact"]
        assert answer["removed"]["low"] == answer["removed"]["high"] == fresh.counts["removed"]
        shutil.rmtree(fresh.out)
    with pytest.raises(ConfigError, match="measures: all"):
        what_if(done.ledger, ["span_dedup/unit=paragraph"], verify=again)
    answer = what_if(done.ledger, ["near_dedup/verify.jaccard=0.3"])
    assert answer["removed"]["low"] <= answer["removed"]["high"]
    assert contents(done.out, "ledger", "data", "receipts") == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"preset": "ccnet"}, "Did you mean 'cc_net'"),
        ({"ignore": ["cases"]}, "Did you mean 'case'"),
        ({"min_count": 1}, "min_count"),
        ({"unit": "substring", "ignore": "case"}, "character by character"),
        ({"within": "dump"}, "dump"),
    ],
)
def test_bad_options(make: Callable[..., Path], options: dict[str, Any], said: str) -> None:
    with pytest.raises((ConfigError, InputError), match=said):
        govern(make({"span_dedup": options}))


def test_presets_and_scripts(make: Callable[..., Path], tmp_path: Path) -> None:
    texts = {
        "a": "Hello there, my friend.\n\nPosted on 12 May.\nOne more line.",
        "b": "HELLO THERE MY FRIEND\nPosted on 13 June.",
        "c": "posted on 01 MAY!\nEin Satz.",
        "汉": "今天天气很好。我们去图书馆看书。晚上回家吃饭。再见。",
        "漢": "他说：今天天气很好。我们去图书馆看书。晚上回家吃饭。明天下雨。",
        "字": "今天天气很好。我们去图书馆看书。晚上回家吃饭。明天下雨。",
    }
    done = govern(make({"span_dedup": {"preset": "cc_net"}}, texts=texts))
    after = exported(done)
    assert after["b"] == "Posted on 13 June."
    assert after["c"] == "Ein Satz."
    only = govern(
        make({"span_dedup": {"preset": "cc_net", "when": {"script": "han"}}}), output=str(tmp_path / "han")
    )
    assert exported(only) == texts
    spans = govern(make({"span_dedup": {"preset": "c4"}}), output=str(tmp_path / "c4"))
    # The second begins with another sentence; of the third, three sentences and the window after it are known.
    assert exported(spans)["漢"] == texts["漢"]
    assert exported(spans)["字"] == ""
    repeats = spans.rows("SELECT span_start, span_end FROM repeats ORDER BY ALL")
    assert [(row["span_start"], row["span_end"]) for row in repeats] == [(0, 23), (7, 28)]
