"""Runs over documents longer than `max_document_chars`: set aside, or split into documents of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from governing import Governed, contents, govern, write_recipe, write_shard

from datagov.errors import ConfigError
from datagov.ledger.explain import explain
from datagov.ledger.sample import sample_kept, sample_removed
from pipelines.text_states import edited

MOST = 400
SPLIT = {"max_document_chars": MOST, "long_documents": "split"}
LINES = [f"line number {row} of the long text, 第{row}行文字。" for row in range(60)]
LONG = "\n".join(LINES)
STEPS: list[dict[str, Any]] = [
    {"normalise": {}},
    {"filter": {"profile": "gopher-en", "annotate": True}},
    {"exact_dedup": {}},
    {"near_dedup": {"preset": "fineweb"}},
]


def table() -> pa.Table:
    ids = ["before", "long", "after", "none"]
    texts = ["a short text before", LONG, "a short text after", None]
    return pa.table({"id": ids, "text": texts, "note": [f"of {name}" for name in ids]})


def parquet(folder: Path) -> dict[str, Any]:
    write_shard(folder / "corpus/a.parquet", table())
    write_shard(folder / "corpus/b.parquet", table().slice(0, 1).set_column(0, "id", pa.array(["other"])))
    return {}


def packed(folder: Path) -> dict[str, Any]:
    column = table().column("text").combine_chunks().dictionary_encode()
    write_shard(folder / "corpus/a.parquet", table().set_column(1, "text", column))
    return {}


def jsonl(folder: Path) -> dict[str, Any]:
    (folder / "corpus").mkdir()
    lines = [json.dumps(row, ensure_ascii=True) for row in table().to_pylist()]
    (folder / "corpus/a.jsonl").write_text("\n".join(lines))
    return {"format": "jsonl", "fields": {"note": "string"}}


def whole_text(done: Governed) -> list[dict[str, Any]]:
    """Return the kept pieces of the long text as exported, in order."""
    return [row for row in done.exported().to_pylist() if row["id"] == "long"]


@pytest.mark.parametrize("written", [parquet, packed, jsonl])
def test_a_long_document_is_split_into_documents_of_its_own(
    tmp_path: Path, written: Callable[[Path], dict[str, Any]]
) -> None:
    form = written(tmp_path)
    done = govern(write_recipe(tmp_path, steps=STEPS[:2], input={**form, **SPLIT}))
    rows = whole_text(done)
    assert "".join(row["text"] for row in rows) == LONG
    assert max(len(row["text"]) for row in rows) <= MOST
    assert all(row["text"].endswith("\n") for row in rows[:-1])
    assert {row["note"] for row in rows} == {"of long"}
    assert len({row["doc_id"] for row in rows}) == len(rows)
    found = done.rows("SELECT * FROM pieces JOIN documents USING (doc_id) ORDER BY number")
    assert [row["doc_id"] for row in found] == [row["doc_id"].hex for row in rows]
    assert {(row["shard_row"], row["pieces"]) for row in found} == {(1, len(rows))}
    assert (done.counts["split"], done.counts["pieces"]) == (1, len(rows))
    assert done.counts["errored"] == 1  # the NULL text
    in_rows = sum(part.rows for part in done.plan.parts)
    assert done.counts["documents_in"] == in_rows - 1 + len(rows)
    verdicts = done.rows("SELECT doc_id, action FROM decisions")
    assert len(verdicts) == len({row["doc_id"] for row in verdicts}) == done.counts["documents_in"]


def test_it_is_set_aside_where_the_recipe_does_not_say_so(tmp_path: Path) -> None:
    parquet(tmp_path)
    done = govern(write_recipe(tmp_path, steps=STEPS[:2], input={"max_document_chars": MOST}))
    assert [row["reason"] for row in done.rows("SELECT reason FROM errors ORDER BY reason")] == [
        "null_text",
        "too_long",
    ]
    assert done.rows("SELECT * FROM pieces") == []
    assert (done.counts["split"], done.counts["pieces"]) == (0, 0)


def test_a_piece_has_a_verdict_of_its_own_and_can_be_asked_after(tmp_path: Path) -> None:
    parquet(tmp_path)
    first = "".join(f"{line}\n" for line in LINES)[:MOST]
    first = first[: first.rindex("\n") + 1]
    copy = pa.table({"id": ["0 copy"], "text": [first], "note": ["copy"]})
    write_shard(tmp_path / "corpus/0.parquet", copy)
    done = govern(write_recipe(tmp_path, steps=STEPS, input=SPLIT))
    pieces = done.rows(
        "SELECT doc_id, parent, number, action FROM pieces JOIN decisions USING (doc_id) ORDER BY number"
    )
    removed = [row["number"] for row in pieces if row["action"] == "remove"]
    kept_copy = done.rows("SELECT action FROM decisions JOIN documents USING (doc_id) WHERE id = '0 copy'")
    assert (removed == [0]) != (kept_copy[0]["action"] == "remove")  # one of the two equal texts
    told = explain(done.ledger, pieces[2]["doc_id"])
    assert told["piece"]["number"] == 2
    assert told["piece"]["parent"].hex == pieces[2]["parent"]
    with pytest.raises(ConfigError, match=f"{len(pieces)} documents have the id"):
        explain(done.ledger, pieces[0]["parent"])
    assert explain(done.ledger, "before")["piece"] is None
    drawn = [*sample_kept(done.ledger, n=100, seed=0).documents]
    drawn += sample_removed(done.ledger, "exact_dedup", n=100, seed=0).documents
    texts = {document["doc_id"].hex: document["text"] for document in drawn}
    normal = edited(pa.array([LONG], pa.large_string()), np.array([0]), done.plan.documents.edits)
    assert normal.to_pylist() == ["".join(texts[row["doc_id"]] for row in pieces)]


def test_the_same_bytes_however_it_is_run_and_the_same_ids_when_it_comes_back(tmp_path: Path) -> None:
    parquet(tmp_path)
    recipe = write_recipe(tmp_path, steps=STEPS, input=SPLIT)
    done = govern(recipe, part_rows=4)
    other = govern(recipe, part_rows=4, workers=2, output=str(tmp_path / "two"))
    assert contents(done.out, "ledger", "data") == contents(other.out, "ledger", "data")
    again = govern(
        write_recipe(tmp_path / "again", steps=STEPS, input={"path": str(done.out / "data/r1"), **SPLIT})
    )
    ids = [set(run.exported().column("doc_id").to_pylist()) for run in (done, again)]
    assert ids[0] == ids[1]
    assert again.counts["split"] == 0
    # Once more in smaller pieces: the pieces of an earlier export are split like any other document.
    smaller = {"path": str(done.out / "data/r1"), **SPLIT, "max_document_chars": MOST // 2}
    finer = govern(write_recipe(tmp_path / "finer", steps=STEPS[:2], input=smaller))
    assert finer.counts["split"] > 0
    column = finer.exported().column("doc_id").to_pylist()
    assert len(set(column)) == len(column)


def test_a_text_file_is_split(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/book.txt").write_text(LONG * 20, encoding="utf-8")
    done = govern(write_recipe(tmp_path, steps=STEPS[:1], input={"format": "text", "id": None, **SPLIT}))
    assert "".join(done.exported().column("text").to_pylist()) == LONG * 20
    assert (done.counts["split"], done.counts["errored"]) == (1, 0)
