"""Texts to be scored, from files as people have them: what is read by itself, and what is refused."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagov.errors import InputError
from detectors.texts import read_texts


def test_ids_and_sources_are_found_beside_a_text_column_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "texts.parquet"
    pq.write_table(pa.table({"body": ["one", "two"], "id": ["a", "b"], "source": ["wiki", "web"]}), path)
    found = read_texts(str(path), text_column="body")
    assert found.strings == ["one", "two"]
    assert (found.id.to_pylist(), found.source.to_pylist()) == (["a", "b"], ["wiki", "web"])
    assert read_texts(str(path), text_column="body", id_column="source").id.to_pylist() == ["wiki", "web"]


def test_json_lines_whose_values_differ_in_kind_keep_their_texts(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text(
        '{"id": "a", "text": "one", "n": [2]}\n{"id": 7, "text": "two", "n": "x\\ud83d"}\n'
        '{"id": "\\ud83d", "text": "th\\ud83d", "n": 1e400}\n{"text": null}\n'
    )
    found = read_texts(str(path))
    assert found.strings == ["one", "two", "", ""]
    assert found.reasons == [None, None, "not_utf8", "null_text"]
    assert found.id.to_pylist() == ["a", "7", "\\ud83d", None]
    assert found.columns.column("n").to_pylist() == ["[2]", "x\\ud83d", "Infinity", None]


def test_texts_of_different_kinds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "a"}\n{"text": 5}\n')
    with pytest.raises(InputError, match="key 'text' holds values of different kinds"):
        read_texts(str(path))
    path.write_text('{"text": 5}\n')
    with pytest.raises(InputError, match="column 'text' is not text"):
        read_texts(str(path))
    path.write_text("\n")
    with pytest.raises(InputError, match="holds no JSON line"):
        read_texts(str(path))


def test_shards_whose_columns_differ(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": [1]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match="shards do not have the same columns"):
        read_texts(str(tmp_path))


def test_stdin_that_is_no_parquet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"plain")))
    with pytest.raises(InputError, match="texts -: cannot be read as Parquet"):
        read_texts("-", form="parquet")
