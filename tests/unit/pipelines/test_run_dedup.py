"""What duplicates do to one another, within a step and across steps."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import cascade_oracle as oracle
import pyarrow as pa
import pytest
from examples import examples
from governing import Governed, write_shard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_corpora import prose, variant, write_corpus

from datagov.errors import InputError
from pipelines.plan import warnings_of

NEAR = {"near_dedup": {"bands": 40, "rows": 1, "shingle": 2, "verify": {"jaccard": 0.6}}}
"""So many bands of one row that no pair of this similarity is missed, for all purposes."""

LENGTH_PROFILE = """
profile: length
version: 1
title: Not too long
sources: {tests: made for the tests}
not_included: []
bounds: [{signal: word_count, max: 60, missing: keep, source: "tests, here"}]
"""

Run = Callable[..., Governed]


@pytest.fixture
def decided(tmp_path: Path, recipe: Callable[..., Path], govern: Run) -> Run:
    """Write documents and run steps over them."""

    def decided(
        texts: Any, *steps: dict[str, Any], inputs: dict[str, Any] | None = None, **options: Any
    ) -> Governed:
        columns = options.pop("columns", {})
        write_corpus(tmp_path / "corpus", texts, shards=options.pop("shards", 1), **columns)
        (tmp_path / "length.yaml").write_text(LENGTH_PROFILE)
        return govern(recipe(tmp_path, input=inputs or {}, steps=list(steps)), **options)

    return decided


def outcome(governed: Governed, key: str) -> tuple[Any, ...]:
    row = governed.decisions()[key]
    return tuple(row[name] for name in ("action", "step", "keeper", "survivor", "orphaned", "cluster_size"))


KEPT_ALONE = ("keep", None, None, None, False, None)


def test_without_duplicates_everything_stays(decided: Run) -> None:
    done = decided({str(i): prose(i) for i in range(5)}, {"exact_dedup": {}}, {"near_dedup": {}})
    assert done.counts["kept"] == 5
    assert {key: outcome(done, key) for key in map(str, range(5))} == dict.fromkeys("01234", KEPT_ALONE)
    assert done.rows("SELECT * FROM pairs") == done.rows("SELECT * FROM buckets") == []


def test_candidates_that_are_not_alike_all_stay(decided: Run) -> None:
    """A bucket is only a reason to compare."""
    same = prose("shared", 10)
    texts = {str(i): f"{same} {prose(i, 50)}" for i in range(6)}
    done = decided(texts, NEAR)
    assert done.counts["kept"] == 6
    assert done.rows("SELECT * FROM pairs")
    assert not done.rows("SELECT * FROM pairs WHERE verified")


def test_a_chain_of_keepers_ends_at_the_survivor(decided: Run) -> None:
    b = prose("b")
    texts = {"b": b, "copy of b": b, "a": variant(b, changed=2, longer=6), "z": prose("z")}
    done = decided(texts, {"exact_dedup": {}}, NEAR)
    assert outcome(done, "copy of b") == ("remove", "exact_dedup", "b", "a", False, 3)
    assert outcome(done, "b") == ("remove", "near_dedup", "a", "a", False, 3)
    assert outcome(done, "a") == ("keep", None, None, None, False, 3)
    assert outcome(done, "z") == KEPT_ALONE


def test_followers_of_a_keeper_that_a_later_filter_removes_are_orphaned(decided: Run) -> None:
    b = prose("b")
    texts = {"b": b, "copy of b": b, "a": variant(b, changed=2, longer=6), "z": prose("z")}
    done = decided(texts, {"exact_dedup": {}}, NEAR, {"filter": {"profile": "length.yaml"}})
    assert outcome(done, "copy of b") == ("remove", "exact_dedup", "b", None, True, 3)
    assert outcome(done, "b") == ("remove", "near_dedup", "a", None, True, 3)
    assert outcome(done, "a") == ("remove", "filter", None, None, False, 3)
    assert outcome(done, "z") == KEPT_ALONE
    assert done.counts["orphaned"] == 2
    (warning,) = warnings_of(done.plan.recipe)
    assert "orphaned" in warning


def test_what_a_filter_removed_is_nobodys_keeper(decided: Run) -> None:
    b = prose("b")
    texts = {"a": variant(b, changed=2, longer=6), "b": b}
    done = decided(texts, {"filter": {"profile": "length.yaml"}}, NEAR)
    assert outcome(done, "a") == ("remove", "filter", None, None, False, None)
    assert outcome(done, "b") == KEPT_ALONE


def test_what_a_filter_removed_has_no_part_in_exact_dedup(decided: Run) -> None:
    long, short = prose("long", 70), prose("short", 20)
    texts = {"long": long, "long too": long, "short": short, "shorter": prose("shorter", 10)}
    done = decided(
        texts,
        {"filter": {"profile": "length.yaml"}},
        {"exact_dedup": {"on": "url"}},
        inputs={"url": "url"},
        columns={"url": dict.fromkeys(texts, "one")},
    )
    fallen = ("remove", "filter", None, None, False, None)
    assert [outcome(done, key) for key in ("long", "long too")] == [fallen, fallen]
    assert outcome(done, "short") == ("keep", None, None, None, False, 2)
    assert outcome(done, "shorter") == ("remove", "exact_dedup", "short", "short", False, 2)


def test_near_duplicates_are_not_chained(decided: Run) -> None:
    """The middle one is like both ends, the ends are not like each other: an end stays for want of a match."""
    words = prose("m", 40).split()
    texts = {"left": " ".join(words[:28]), "all": " ".join(words), "right": " ".join(words[12:])}
    done = decided(texts, {"near_dedup": {**NEAR["near_dedup"], "keep": "shortest"}})
    found = {key: outcome(done, key)[:3] for key in texts}
    assert found["right"] == ("keep", None, None)
    assert found["all"] == ("remove", "near_dedup", found["all"][2])
    assert found["left"] == ("keep", None, None)


def test_a_chain_may_have_a_link_a_step(decided: Run) -> None:
    c = prose("c")
    b, a = variant(c, changed=4, longer=6), variant(c, changed=16, longer=14, seed=1)
    texts = {"copy": c, "c": c, "b": b, "a": a}
    steps = [{"near_dedup": {**NEAR["near_dedup"], "verify": {"jaccard": t}}} for t in (0.7, 0.3)]
    done = decided(texts, {"exact_dedup": {"keep": "first"}}, *steps)
    assert outcome(done, "c") == ("remove", "exact_dedup", "copy", "a", False, 4)
    assert outcome(done, "copy") == ("remove", "near_dedup-1", "b", "a", False, 4)
    assert outcome(done, "b") == ("remove", "near_dedup-2", "a", "a", False, 4)
    assert outcome(done, "a") == ("keep", None, None, None, False, 4)
    assert [entry["step"] for entry in done.manifest["tables"]["pairs"]] == ["near_dedup-1", "near_dedup-2"]


def test_annotated_duplicates_stay(decided: Run) -> None:
    a = prose("a")
    texts = {"1": a, "2": a, "3": variant(a, longer=2)}
    steps = [{"exact_dedup": {"annotate": True}}, {"near_dedup": {**NEAR["near_dedup"], "annotate": True}}]
    done = decided(texts, *steps)
    assert {key: outcome(done, key) for key in texts} == dict.fromkeys(texts, KEPT_ALONE)
    noted = {
        key: [(reason["step"], reason["annotation"]) for reason in row["reasons"]]
        for key, row in done.decisions().items()
    }
    assert noted == {
        "1": [("near_dedup", True)],
        "2": [("exact_dedup", True), ("near_dedup", True)],
        "3": [],
    }
    assert [step["annotated"] for step in done.manifest["steps"]] == [1, 2]


def test_blank_texts_never_join_a_group(decided: Run) -> None:
    blank = ["", "", "   ", "   ", "\n\t\u3000", "\n\t\u3000", None, None]
    texts = [(f"blank {at}", text) for at, text in enumerate(blank)]
    texts += [("dots", "..."), ("dots again", "..."), ("more dots", "!!!")]
    done = decided(texts, {"exact_dedup": {}}, NEAR)
    removed = {key for key, row in done.decisions().items() if row["action"] == "remove"}
    assert removed == {"dots again"}
    assert done.counts["errored"] == 2


def test_exact_dedup_sees_the_edited_text(decided: Run) -> None:
    texts = {"composed": "caf\u00e9 au lait", "decomposed": "cafe\u0301 au\x07 lait"}
    assert decided(texts, {"exact_dedup": {}}).counts["kept"] == 2
    done = decided(texts, {"normalise": {}}, {"exact_dedup": {}})
    assert outcome(done, "decomposed")[:3] == ("remove", "exact_dedup", "composed")


def test_one_address_keeps_its_newest_document(decided: Run) -> None:
    day = dt.date
    texts = {key: prose(key) for key in ("old", "new", "undated", "other", "none 1", "none 2")}
    url = {"old": "u", "new": "u", "undated": "u", "other": "v"}
    date = {"old": day(2020, 1, 1), "new": day(2024, 1, 1), "other": day(2021, 1, 1)}
    done = decided(
        texts,
        {"exact_dedup": {"on": "url", "keep": {"newest": "date"}}},
        inputs={"url": "url"},
        columns={"url": url, "date": date},
    )
    assert done.kept() == {"new", "other", "none 1", "none 2"}
    assert outcome(done, "undated")[2] == outcome(done, "old")[2] == "new"
    assert outcome(done, "new")[-1] == 3


@pytest.mark.parametrize(
    "column",
    [
        pa.array([7, 7, 8, None, None]),
        pa.array(["x", "x", "y", None, None], pa.large_string()),
        pa.array([b"x", b"x", b"\xff", None, None], pa.binary()),
        pa.array([b"x" * 16, b"x" * 16, b"y" * 16, None, None], pa.uuid()),
        pa.array([1.5, 1.5, float("nan"), None, None]),
        pa.array(["x", "x", "y", None, None]).dictionary_encode(),
        pa.array([dt.date(2020, 1, 1)] * 2 + [dt.date(2020, 1, 2), None, None]),
    ],
    ids=lambda column: str(column.type),
)
def test_exact_dedup_on_a_column_of_any_type(decided: Run, column: pa.Array) -> None:
    texts = {str(at): prose(at) for at in range(5)}
    done = decided(texts, {"exact_dedup": {"on": "key"}}, columns={"key": column})
    assert done.kept() == {"0", "2", "3", "4"}


def test_keep_policies_are_read_in_order(decided: Run) -> None:
    texts = {key: prose("same") for key in ("web", "wiki 1", "wiki 2", "books", "unknown")}
    source = {"web": "web", "wiki 1": "wiki", "wiki 2": "wiki", "books": "books", "unknown": None}
    score = {"web": 9.0, "wiki 1": 1.0, "wiki 2": 2.0, "books": 5.0}
    keep = [{"source": ["wiki", "books"]}, {"max": "score"}]
    done = decided(
        texts,
        {"exact_dedup": {"keep": keep}},
        inputs={"source": "origin"},
        columns={"origin": source, "score": score},
    )
    assert done.kept() == {"wiki 2"}


def test_scopes_are_never_compared(decided: Run) -> None:
    a = prose("a")
    texts = {"x1": a, "x2": variant(a, longer=1), "y1": a, "y2": variant(a, longer=1), "n1": a, "n2": a}
    source = {"x1": "x", "x2": "x", "y1": "y", "y2": "y"}
    near = {"near_dedup": {**NEAR["near_dedup"], "within": "source"}}
    done = decided(
        texts,
        {"exact_dedup": {"within": ["source"]}},
        near,
        inputs={"source": "source"},
        columns={"source": source},
        shards=2,
    )
    assert done.kept() == {"x2", "y2", "n1"}
    assert outcome(done, "n2")[:3] == ("remove", "exact_dedup", "n1")


def test_columns_that_cannot_be_compared_are_an_input_error(decided: Run, tmp_path: Path) -> None:
    write_shard(tmp_path / "corpus/01.parquet", {"id": ["x"], "text": ["same"], "day": ["2024-01-01"]})
    step = {"exact_dedup": {"keep": {"newest": "day"}}}
    with pytest.raises(InputError, match=r"`keep` reads is not of one type.*day"):
        decided({"a": "same"}, step, columns={"day": pa.array([20240101])})


def test_columns_of_other_types_in_other_shards(
    tmp_path: Path, recipe: Callable[..., Path], govern: Run
) -> None:
    """The columns a policy reads need not be of one type in all shards, as long as they compare."""
    kinds = [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
    a = prose("a")
    for at, kind in enumerate(kinds):
        day = pa.array([f"2024-01-0{at + 1}", f"2023-01-0{at + 1}"], pa.string()).cast(kind)
        size = pa.array([at, at], pa.int32() if at else pa.int64())
        columns = {"id": [f"{at}a", f"{at}b"], "text": [a, variant(a, longer=1)], "day": day, "size": size}
        write_shard(tmp_path / f"corpus/{at}.parquet", columns)
    keep = [{"max": "size"}, {"newest": "day"}]
    steps = [{"exact_dedup": {"keep": keep}}, {"near_dedup": {**NEAR["near_dedup"], "keep": keep}}]
    for part_rows in (2, None):
        done = govern(
            recipe(tmp_path, steps=steps, output=str(tmp_path / f"{part_rows}")), part_rows=part_rows
        )
        assert done.kept() == {"2a"}


def test_buckets_over_the_cap_are_templates_and_nobody_is_lost(decided: Run) -> None:
    head = prose("notice", 12)
    texts = {f"{at:02d}": f"{head} {prose(at, 30)}" for at in range(40)}
    done = decided(texts, {"near_dedup": {**NEAR["near_dedup"], "bucket_cap": 3}})
    templates = done.rows("SELECT * FROM templates")
    assert templates
    assert all(row["members"] > 3 for row in templates)
    assert done.counts["kept"] == 40
    assert not done.counts["errored"]


def test_copies_in_a_bucket_over_the_cap_are_still_found(decided: Run) -> None:
    a = prose("a")
    texts = {f"{at:02d}": variant(a, longer=at % 4) for at in range(24)}
    done = decided(texts, {"near_dedup": {**NEAR["near_dedup"], "bucket_cap": 2}}, shards=3, part_rows=8)
    assert done.rows("SELECT * FROM templates")
    assert done.counts["kept"] + done.counts["removed"] == 24
    for row in done.decisions().values():
        if row["keeper"] is not None:
            assert done.decisions()[row["keeper"]]["action"] == "keep"
    longest = {key for key in texts if int(key) % 4 == 3}
    assert len(done.kept()) <= len(texts) / 2
    assert done.kept() & longest


def test_a_spent_budget_keeps_and_says_so(decided: Run) -> None:
    """The one similar document is behind others that share as many buckets: one try does not reach it."""
    shared = prose("head", 20)
    texts = {f"{at}": f"{shared} {prose(at, 44)}" for at in range(6)}
    last = f"{shared} {prose('tail', 42)}"
    texts |= {"twin": last, "last": variant(last, longer=0, changed=0) + " end"}
    step = {**NEAR["near_dedup"], "verify": {"jaccard": 0.3}, "tries": 1, "keep": "first"}
    done = decided(texts, {"near_dedup": step})
    flagged = {
        key
        for key, row in done.decisions().items()
        if any(reason["rule"] == "verify_budget" for reason in row["reasons"])
    }
    assert flagged
    assert all(outcome(done, key)[0] == "keep" for key in flagged)
    pairs = done.rows("SELECT a, count(*) AS tries FROM pairs GROUP BY a")
    assert {row["tries"] for row in pairs} == {1}


def test_elections_in_several_ranges(decided: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {}
    for at in range(30):
        base = prose(at)
        texts |= {
            f"{at:02d}": base,
            f"{at:02d} near": variant(base, longer=3, seed=at),
            f"{at:02d} far": prose(-at - 1),
        }
    one = decided(texts, NEAR, shards=3, part_rows=30)
    assert one.kept() == {key for key in texts if not key.isdigit()}
    monkeypatch.setattr("pipelines.stages.link.RANGE_DOCUMENTS", 7)
    many = decided(texts, NEAR, shards=3, part_rows=30, output=str(tmp_path / "many"))
    assert [len(run.manifest["tables"]["pairs"][0]["files"]) for run in (one, many)] == [1, 9]
    assert many.verdicts() == one.verdicts()


WORDS = st.sampled_from("abcdefg")
TEXT = st.lists(WORDS, max_size=9).map(" ".join)
DOCUMENTS = st.lists(
    st.one_of(TEXT, st.sampled_from(["a b c d", "a b c d e", "", " ", "漢字漢字語"])), max_size=14
)


@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    documents=DOCUMENTS,
    keep=st.sampled_from(["longest", "shortest", "first"]),
    threshold=st.sampled_from(["0.4", "0.5", "0.75", "1.0"]),
    k=st.integers(1, 3),
    shards=st.integers(1, 3),
)
def test_any_small_corpus_is_decided_as_by_hand(
    tmp_path_factory: pytest.TempPathFactory,
    recipe: Callable[..., Path],
    govern: Run,
    documents: list[str],
    keep: str,
    threshold: str,
    k: int,
    shards: int,
) -> None:
    folder = tmp_path_factory.mktemp("random")
    texts = {f"{at:02d}": text for at, text in enumerate(documents)}
    write_corpus(folder / "corpus", texts, shards=shards, row_group_rows=Random(len(texts)).randint(1, 4))
    near = {"bands": 40, "rows": 1, "shingle": k, "verify": {"jaccard": float(threshold)}, "keep": keep}
    steps = [{"exact_dedup": {}}, {"near_dedup": {**near, "tries": 1000}}]
    done = govern(recipe(folder, steps=steps), part_rows=3)
    rows = done.decisions()
    assert rows.keys() == texts.keys()
    after_exact = oracle.kept_by_exact(texts, list(texts))
    places = {key: at for at, key in enumerate(texts)}
    rank = {
        "longest": lambda key: (-len(texts[key]), rows[key]["doc_id"]),
        "shortest": lambda key: (len(texts[key]), rows[key]["doc_id"]),
        "first": lambda key: (places[key],),
    }[keep]
    order = sorted(after_exact, key=rank)
    expected = oracle.kept_by_near(texts, order, k=k, threshold=Fraction(threshold))
    assert done.kept() == expected
    assert Counter(row["step"] for row in rows.values()) == Counter(
        {
            key: count
            for key, count in {
                None: len(expected),
                "exact_dedup": len(texts) - len(after_exact),
                "near_dedup": len(after_exact) - len(expected),
            }.items()
            if count
        }
    )
    for key, row in rows.items():
        if row["step"] == "near_dedup":
            assert row["keeper"] in expected
            assert rank(row["keeper"]) < rank(key)
    found = {key: (row["survivor"], row["orphaned"], row["cluster_size"]) for key, row in rows.items()}
    assert found == oracle.links(rows)
