"""Token counts of documents, and funnels in tokens and characters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from governing import Governed, contents, write_shard
from tokenizers import Tokenizer
from tokenizing import SENTENCES, make_tokenizer

from datagov.errors import DatagovError
from datagov.ledger.queries import bind, named_query, run_query

Run = Callable[..., Governed]
Recipe = Callable[..., Path]

TEXTS = [*SENTENCES, SENTENCES[0], "", "two lines\ntwo lines\nand a third", None]
SIZE = {"models": {"small": {"family": "tokens", "tokenizer": "tokenizer/tokenizer.json"}}, "annotate": True}
STEPS: list[dict[str, Any]] = [
    {"name": "size", "filter": SIZE},
    {"drop_repeated_lines": {}},
    {"exact_dedup": {}},
    {"name": "final", "filter": {**SIZE, "bounds": {"small_token_count": {"min": 1}}, "annotate": False}},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_tokenizer(tmp_path / "tokenizer", vocabulary=330)
    rows = {
        "id": [str(at) for at in range(len(TEXTS))],
        "text": TEXTS,
        "source": [f"s{at % 3}" for at in range(len(TEXTS))],
    }
    write_shard(tmp_path / "corpus/a.parquet", rows, row_group_rows=4)
    return tmp_path


def test_tokens_are_those_of_the_tokenizer(folder: Path, recipe: Recipe, govern: Run) -> None:
    written = recipe(folder, steps=STEPS, input={"source": "source"})
    done = govern(written, part_rows=4)
    backend = Tokenizer.from_file(str(folder / "tokenizer/tokenizer.json"))
    rows = done.rows("SELECT id, small_token_count AS n FROM signals_size JOIN documents USING (doc_id)")
    assert {row["id"]: row["n"] for row in rows} == {
        str(at): None if text is None else len(backend.encode(text, add_special_tokens=False).ids)
        for at, text in enumerate(TEXTS)
    }
    two = govern(written, part_rows=4, workers=2, output=str(folder / "two"))
    assert contents(done.out, "ledger", "data") == contents(two.out, "ledger", "data")


def test_a_funnel_in_tokens_and_characters(folder: Path, recipe: Recipe, govern: Run) -> None:
    done = govern(recipe(folder, steps=STEPS, input={"source": "source"}))
    query = named_query("funnel_by_source")
    given = bind(query, ["tokens=size/small_token_count", "source=all"])
    lines = {line["step"]: line for line in run_query(done.ledger.connect(), query, given).records()}
    assert [line["documents"] for line in lines.values()] == [9, 9, 9, 8, 7]
    kept = done.exported().column("text").to_pylist()
    assert lines["final"]["chars"] == sum(map(len, kept))
    assert lines["size"]["chars"] == sum(len(text) for text in TEXTS if text)
    assert lines["drop_repeated_lines"]["chars"] == lines["size"]["chars"] - len("two lines\n")
    assert lines["final"]["tokens"] < lines["input"]["tokens"]
    assert lines["final"]["bytes"] == done.counts["bytes_kept"]


def test_what_is_no_tokenizer_is_refused(folder: Path, recipe: Recipe, govern: Run) -> None:
    (folder / "tokenizer/tokenizer.json").write_text("{}")
    with pytest.raises(DatagovError, match="not a tokenizer"):
        govern(recipe(folder, steps=STEPS))
