"""Token frequencies over shards: the counts of a plain loop, whatever the parts, workers and interruptions."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from governing import write_recipe, write_shard
from tokenizers import Tokenizer
from tokenizing import SENTENCES, make_tokenizer

from datagov.cli import main
from datagov.errors import InputError
from datagov.frequency import read_frequency
from pipelines.corpus_scan import open_corpus
from pipelines.executors.local import LocalExecutor
from pipelines.frequency import build_table
from pipelines.parts import cut
from pipelines.progress import Reporter

TEXTS = [*SENTENCES, "", SENTENCES[0] * 3, "<s> stands in this text"]


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    return make_tokenizer(tmp_path / "tokenizer", vocabulary=330)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    for shard in range(3):
        write_shard(folder / f"{shard}.parquet", {"text": TEXTS[shard:] * 7}, row_group_rows=5)
    return folder


def counted(tokenizer: Path, texts: list[str], cap: int | None = None) -> Counter[int]:
    backend = Tokenizer.from_file(str(tokenizer))
    return Counter(
        token for text in texts for token in backend.encode(text, add_special_tokens=False).ids[:cap]
    )


def build(corpus: Path, tokenizer: Path, work: Path, *, workers: int = 1, cap: int | None = None) -> Any:
    executor = LocalExecutor(workers)
    try:
        with Reporter(quiet=True) as reporter:
            return build_table(open_corpus(str(corpus)), tokenizer, work, executor, reporter, token_cap=cap)
    finally:
        executor.close()


@pytest.mark.parametrize("cap", [None, 4])
def test_counts_are_those_of_a_plain_loop(
    corpus: Path, tokenizer: Path, tmp_path: Path, cap: int | None
) -> None:
    table = build(corpus, tokenizer, tmp_path / "work", cap=cap)
    expected = counted(tokenizer, [text for shard in range(3) for text in TEXTS[shard:] * 7], cap)
    assert {int(token): int(table.counts[token]) for token in np.flatnonzero(table.counts)} == expected
    assert table.documents == 7 * (9 + 8 + 7)
    assert (table.tokens, table.token_cap) == (expected.total(), cap)


@pytest.mark.slow
def test_parts_are_counted_once_and_workers_do_not_matter(
    corpus: Path, tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.corpus_scan.cut", partial(cut, part_rows=30))
    table = build(corpus, tokenizer, tmp_path / "two", workers=2)
    receipts = sorted((tmp_path / "two/receipts").rglob("*.json"))
    assert len(receipts) > 2
    before = [path.stat().st_mtime_ns for path in receipts]
    receipts[0].unlink()  # as if the run had been stopped there
    again = build(corpus, tokenizer, tmp_path / "two")
    assert [path.stat().st_mtime_ns for path in receipts][1:] == before[1:]
    alone = build(corpus, tokenizer, tmp_path / "one")
    for other in (again, alone):
        assert other.facts() == table.facts()
        assert other.counts.tolist() == table.counts.tolist()


def test_a_text_that_cannot_be_read_is_not_counted(tokenizer: Path, tmp_path: Path) -> None:
    texts = pa.array([b"plain", None, b"\xff\xfe"], pa.binary())
    write_shard(tmp_path / "corpus/0.parquet", {"text": texts})
    table = build(tmp_path / "corpus", tokenizer, tmp_path / "work")
    assert table.documents == 1
    assert table.tokens == counted(tokenizer, ["plain"]).total()


def test_the_corpus_digest_names_the_documents(corpus: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    corpus.rename(moved)
    first = open_corpus(str(moved)).digest
    moved.rename(corpus)
    assert open_corpus(str(corpus)).digest == first
    write_shard(corpus / "3.parquet", {"text": ["one more"]})
    assert open_corpus(str(corpus)).digest != first


def test_an_unreadable_shard_is_not_left_out_silently(corpus: Path) -> None:
    (corpus / "bad.parquet").write_bytes(b"not Parquet")
    with pytest.raises(InputError, match=r"bad\.parquet"):
        open_corpus(str(corpus))


def test_the_commands_build_add_and_compare(
    corpus: Path, tokenizer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_shard(tmp_path / "other/corpus/0.parquet", {"text": ["全部都是中文。"] * 5, "id": list("abcde")})
    recipe = write_recipe(tmp_path / "other")
    one, two, both = (str(tmp_path / f"{name}.parquet") for name in ("one", "two", "both"))
    for place, output in ((str(corpus), one), (str(recipe), two)):
        options = ["--tokenizer", str(tokenizer), "--output", output, "--workers", "1", "--quiet", "--json"]
        assert main(["frequency", "build", place, *options]) == 0
    assert main(["frequency", "add", one, two, "--output", both]) == 0
    assert read_frequency(Path(both)).tokens == sum(read_frequency(Path(path)).tokens for path in (one, two))
    assert main(["frequency", "add", one, both, "--output", str(tmp_path / "twice.parquet")]) == 2
    assert "counted twice" in capsys.readouterr().err
    assert main(["frequency", "drift", one, two, "--tokenizer", str(tokenizer), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 0.5 < found["total_variation"] <= 1
    assert found["moved"][0]["token"]
