"""Strings searched in shards: what a plain loop counts, whatever the parts, workers and interruptions."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from examples import examples
from governing import write_recipe, write_shard
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.cli import main
from datagov.errors import ConfigError, InputError
from datagov.string_hits import StringHits, read_hits, read_strings
from pipelines.corpus_scan import open_corpus
from pipelines.executors.local import LocalExecutor
from pipelines.find_strings import find_strings
from pipelines.input_spec import InputSpec
from pipelines.parts import cut
from pipelines.progress import Reporter

TEXTS = ["aaaa", "", "ab文本ab", "文本", "b" * 9, "the end", "end of the", "\x00a\uffff", "本", "👩‍💻 aa"]
STRINGS = ["aa", "a", "文本", "本", "d\ne", "end", "\x00a", "nowhere", "the end", "💻"]


def search(
    corpus: Path, strings: list[str], work: Path, *, workers: int = 1, source: str | None = "source"
) -> StringHits:
    work.mkdir(exist_ok=True)
    path = work / "strings.parquet"
    pq.write_table(pa.table({"string": pa.array(strings, pa.large_string())}), path)
    executor = LocalExecutor(workers)
    try:
        with Reporter(quiet=True) as reporter:
            spec = InputSpec(path=str(corpus), source=source)
            return find_strings(open_corpus(str(corpus), spec), path, work, executor, reporter)
    finally:
        executor.close()


def overlapping(string: str, text: str) -> int:
    return sum(text.startswith(string, at) for at in range(len(text)))


def counted(
    documents: list[tuple[str, str]], strings: list[str]
) -> dict[tuple[str, str | None], tuple[int, int]]:
    """(string, source) -> documents and copies, by a plain loop."""
    found: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    for source, text in documents:
        for string in strings:
            if copies := overlapping(string, text):
                found[string, source].append(copies)
    nowhere = set(strings) - {string for string, _ in found}
    return {key: (len(copies), sum(copies)) for key, copies in found.items()} | {
        (string, None): (0, 0) for string in nowhere
    }


def as_counts(hits: StringHits) -> dict[tuple[str, str | None], tuple[int, int]]:
    return {
        (row["string"], row["source"]): (row["documents"], row["copies"]) for row in hits.table.to_pylist()
    }


@settings(max_examples=examples(25))
@given(
    texts=st.lists(st.text("ab文\n", max_size=12), min_size=1, max_size=12),
    strings=st.lists(st.text("ab文\n", min_size=1, max_size=4), min_size=1, max_size=6, unique=True),
)
def test_counts_are_those_of_a_plain_loop(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], strings: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("search")
    sources = ["xy"[index % 2] for index in range(len(texts))]
    write_shard(folder / "corpus/0.parquet", {"text": texts, "source": sources})
    hits = search(folder / "corpus", strings, folder / "work")
    assert as_counts(hits) == counted(list(zip(sources, texts, strict=True)), strings)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for shard in range(3):
        texts = TEXTS[shard:] * 4
        sources = [f"s{index % 3}" for index in range(len(texts))]
        columns = {"text": texts, "source": sources, "id": [f"{shard}-{row}" for row in range(len(texts))]}
        write_shard(tmp_path / f"corpus/{shard}.parquet", columns, row_group_rows=7)
    return tmp_path / "corpus"


@pytest.mark.slow
def test_workers_parts_and_interruptions_do_not_matter(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = search(corpus, STRINGS, tmp_path / "whole")
    monkeypatch.setattr("pipelines.corpus_scan.cut", partial(cut, part_rows=10))
    two = search(corpus, STRINGS, tmp_path / "two", workers=2)
    receipts = sorted((tmp_path / "two/receipts").rglob("*.json"))
    assert len(receipts) > 3
    receipts[1].unlink()  # as if the run had been stopped there
    again = search(corpus, STRINGS, tmp_path / "two")
    documents = [
        (row["source"], row["text"])
        for path in sorted(corpus.iterdir())
        for row in pq.read_table(path).to_pylist()
    ]
    assert as_counts(whole) == counted(documents, STRINGS)
    assert whole.documents == len(documents)
    for other in (two, again):
        assert other.table.equals(whole.table)


@pytest.mark.slow
def test_the_first_documents_are_named_as_a_run_names_them(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path)
    (tmp_path / "strings.txt").write_text("文本\nnowhere\n")
    output = tmp_path / "hits.parquet"
    options = ["--output", str(output), "--workers", "1", "--quiet", "--json"]
    assert main(["find-strings", str(tmp_path / "strings.txt"), str(recipe), *options]) == 0
    said = json.loads(capsys.readouterr().out)
    hits = read_hits(output)
    assert (said["strings"], said["documents"]) == (2, hits.documents)
    assert said["corpus_digest"] == hits.corpus_digest
    assert main(["run", str(recipe), "--workers", "1", "--json"]) == 0
    ledger = pq.read_table(tmp_path / "out/ledger/documents").to_pylist()
    texts = {
        (path.name, row): text
        for path in corpus.iterdir()
        for row, text in enumerate(pq.read_table(path).column("text").to_pylist())
    }
    holding = {row["doc_id"] for row in ledger if "文本" in texts[row["shard"], row["shard_row"]]}
    named = [doc for row in hits.table.to_pylist() for doc in row["examples"]]
    assert named
    assert set(named) <= holding


def test_a_table_without_strings_is_searched_and_finds_none(corpus: Path, tmp_path: Path) -> None:
    pq.write_table(pa.table({"string": pa.array([], pa.large_string())}), tmp_path / "s.parquet")
    output = tmp_path / "hits.parquet"
    options = ["--source", "source", "--output", str(output), "--workers", "1", "--quiet"]
    assert main(["find-strings", str(tmp_path / "s.parquet"), str(corpus), *options]) == 0
    hits = read_hits(output)
    assert (hits.table.num_rows, hits.documents > 0) == (0, True)


def test_what_cannot_be_searched_is_refused(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "none.txt").write_text("")
    with pytest.raises(InputError, match="there are none"):
        read_strings(tmp_path / "none.txt")
    for strings, message in (
        (["a", ""], "row 1 is empty"),
        (["a", "b", "a"], "twice"),
    ):
        pq.write_table(pa.table({"string": pa.array(strings, pa.large_string())}), tmp_path / "s.parquet")
        with pytest.raises(InputError, match=message):
            read_strings(tmp_path / "s.parquet")
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "s.parquet")
    with pytest.raises(InputError, match=r"no column 'string' \(it has text\)"):
        read_strings(tmp_path / "s.parquet")
    (tmp_path / "s.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        read_strings(tmp_path / "s.txt")
    with pytest.raises(InputError, match="no such file"):
        read_hits(tmp_path / "none.parquet")
    with pytest.raises(InputError, match="not a table of `datagov find-strings`"):
        read_hits(write_shard(tmp_path / "other.parquet", {"string": ["a"]}))


def test_without_the_library_it_is_named(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ahocorasick_rs", None)
    with pytest.raises(ConfigError, match=r"pip install 'datagov\[strings\]'"):
        search(corpus, ["not searched before"], tmp_path / "work")
