"""Filters: whom they speak of, what becomes of the others, and what they record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from governing import Governed
from made_corpora import write_corpus

from datagov.errors import InputError

Run = Callable[..., Governed]

PROFILE = """
profile: few
version: 1
title: Two bounds
sources: {tests: made for the tests}
not_included: []
bounds:
  - {signal: word_count, min: 2, max: 4, missing: drop, source: "tests, here"}
  - {signal: mean_word_length, max: 3, missing: MISSING, source: "tests, here"}
"""
TEXTS = {
    "good": "aa bb cc",
    "short": "aa",
    "long": "aa bb cc dd ee",
    "wide": "aaaa bbbb",
    "both": "aaaaaa",
    "at the limits": "aaa bbb ccc ddd",
    "han": "漢字",
    "cyrillic": "слово слово",
    "empty": "",
    "signs": "...",
    "null": None,
    "broken": b"\xff\xfe",
    "too long": "a " * 200,
}


@pytest.fixture
def decided(tmp_path: Path, recipe: Callable[..., Path], govern: Run) -> Run:
    def decided(
        *steps: dict[str, Any], missing: str = "keep", extra: dict[str, str] | None = None, **options: Any
    ) -> Governed:
        write_corpus(tmp_path / "corpus", {**TEXTS, **(extra or {})}, row_group_rows=5)
        (tmp_path / "few.yaml").write_text(PROFILE.replace("MISSING", missing))
        source = {"max_document_chars": 300}
        return govern(recipe(tmp_path, input=source, steps=list(steps)), part_rows=5, **options)

    return decided


def few(**keys: Any) -> dict[str, Any]:
    return {"filter": {"profile": "few.yaml", **keys}}


def reasons(governed: Governed) -> dict[str, list[tuple[Any, ...]]]:
    rows = governed.decisions().items()
    fields = ("rule", "value", "bound", "limit", "annotation")
    return {key: [tuple(reason[name] for name in fields) for reason in row["reasons"]] for key, row in rows}


SET_ASIDE = {
    "null": [("null_text", None, None, None, False)],
    "broken": [("not_utf8", None, None, None, False)],
    "too long": [("too_long", None, None, None, False)],
}
NOTHING_TO_COUNT = [("word_count", 0.0, "min", 2.0, False)]


def test_every_crossed_bound_and_no_other(decided: Run) -> None:
    found = reasons(decided(few()))
    assert found == {
        "good": [],
        "short": [("word_count", 1.0, "min", 2.0, False)],
        "long": [("word_count", 5.0, "max", 4.0, False)],
        "wide": [("mean_word_length", 4.0, "max", 3.0, False)],
        "both": [("word_count", 1.0, "min", 2.0, False), ("mean_word_length", 6.0, "max", 3.0, False)],
        "at the limits": [],
        "han": [("word_count", 1.0, "min", 2.0, False)],
        "cyrillic": [("mean_word_length", 5.0, "max", 3.0, False)],
        "empty": NOTHING_TO_COUNT,
        "signs": NOTHING_TO_COUNT,
        **SET_ASIDE,
    }


def test_documents_that_cannot_be_read_are_set_aside_and_nothing_else_is_said_of_them(decided: Run) -> None:
    done = decided(few(), {"exact_dedup": {}}, {"near_dedup": {}})
    assert done.counts["errored"] == 3
    assert {key for key, row in done.decisions().items() if row["action"] == "error"} == set(SET_ASIDE)
    assert {key: reasons(done)[key] for key in SET_ASIDE} == SET_ASIDE
    errors = done.rows("SELECT reason, shard_row, detail FROM errors ORDER BY shard_row")
    assert [(row["reason"], row["shard_row"]) for row in errors] == [
        ("null_text", 10),
        ("not_utf8", 11),
        ("too_long", 12),
    ]
    assert "max_document_chars = 300" in errors[2]["detail"]


def test_an_undefined_signal_does_what_its_bound_says(decided: Run) -> None:
    dropped = reasons(decided(few(), missing="drop"))
    assert dropped["empty"] == [*NOTHING_TO_COUNT, ("mean_word_length", None, "missing", None, False)]
    assert dropped["good"] == []


def test_missing_fail_stops_the_run(decided: Run) -> None:
    with pytest.raises(InputError, match=r"mean_word_length.*missing: fail"):
        decided(few(), missing="fail")


def test_annotate_records_and_removes_nothing(decided: Run) -> None:
    done = decided(few(annotate=True))
    assert done.counts["removed"] == 0
    removing = reasons(decided(few(), output=str(done.out.parent / "other")))
    noted = {
        key: [(*reason[:-1], key not in SET_ASIDE) for reason in found] for key, found in removing.items()
    }
    assert reasons(done) == noted
    (step,) = done.manifest["steps"]
    assert (step["removed"], step["annotated"]) == (0, 8)


LATIN = {"when": {"script": "latin"}}
LEFT_OUT = {"han", "cyrillic", "empty", "signs"}


@pytest.mark.parametrize("otherwise", ["keep", "drop", "annotate"])
def test_documents_no_filter_speaks_of(decided: Run, otherwise: str) -> None:
    done = decided(few(**LATIN, otherwise=otherwise))
    found = {key: reasons(done)[key] for key in LEFT_OUT}
    kept = {"good", "at the limits"}
    if otherwise == "keep":
        assert found == {key: [] for key in LEFT_OUT}
        assert done.kept() == kept | LEFT_OUT
    else:
        said = [("script", None, "otherwise", None, otherwise == "annotate")]
        assert found == dict.fromkeys(LEFT_OUT, said)
        assert done.kept() == (kept if otherwise == "drop" else kept | LEFT_OUT)


def test_adjacent_filters_share_their_otherwise(decided: Run) -> None:
    han = few(when={"script": ["han", "kana"]}, bounds={"word_count": {"min": 1}})
    done = decided(han, few(**LATIN, otherwise="drop"))
    assert done.kept() == {"good", "at the limits", "han"}
    steps = {key: row["step"] for key, row in done.decisions().items() if row["step"]}
    assert steps == dict.fromkeys(["short", "long", "wide", "both", "cyrillic", "empty", "signs"], "filter-2")


def test_a_document_meets_no_bound_after_the_step_that_removed_it(decided: Run) -> None:
    strict = {"name": "strict", **few(bounds={"word_count": {"min": 4}})}
    done = decided(few(), strict)
    found = reasons(done)
    assert found["good"] == [("word_count", 3.0, "min", 4.0, False)]
    assert found["short"] == [("word_count", 1.0, "min", 2.0, False)]
    assert done.kept() == {"at the limits"}
    assert done.decisions()["good"]["step"] == "strict"


def test_signals_are_kept_for_all_that_a_filter_speaks_of(decided: Run) -> None:
    done = decided(few(**LATIN, otherwise="keep"))
    rows = done.rows("SELECT id, word_count FROM signals_filter JOIN documents USING (doc_id)")
    measured = {row["id"]: row["word_count"] for row in rows if row["word_count"] is not None}
    assert measured == {"good": 3, "short": 1, "long": 5, "wide": 2, "both": 1, "at the limits": 4}
    assert len(rows) == len(TEXTS)


def test_a_profile_without_bounds_measures_and_removes_nothing(decided: Run) -> None:
    done = decided({"name": "seen", "filter": {"profile": "redpajama-v2"}})
    assert not any(row["step"] for row in done.decisions().values())
    rows = done.rows("SELECT id, sentence_count FROM signals_seen JOIN documents USING (doc_id)")
    assert {row["id"]: row["sentence_count"] for row in rows if row["id"] in {"good", "empty"}} == {
        "good": 1,
        "empty": 0,
    }


def test_filters_see_the_text_as_edited_so_far(decided: Run) -> None:
    before = {"name": "before", **few(annotate=True)}
    after = {"name": "after", **few(annotate=True)}
    done = decided(
        before, {"normalise": {"form": "NFKC"}}, after, extra={"parted": "aa\x07bb", "wide": "ａａ ａａａａ"}
    )
    counts = done.rows(
        "SELECT id, b.word_count AS before, a.word_count AS after, a.mean_word_length AS mean "
        "FROM signals_before b JOIN signals_after a USING (doc_id) JOIN documents USING (doc_id) "
        "WHERE id IN ('parted', 'wide')"
    )
    assert {row["id"]: (row["before"], row["after"], row["mean"]) for row in counts} == {
        "parted": (3, 1, 4.0),
        "wide": (2, 2, 3.0),
    }
