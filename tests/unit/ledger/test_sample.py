from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ledger_example import HOSTILE_TEXT

from datagov.errors import ConfigError, InputError
from datagov.ledger.reader import Ledger
from datagov.ledger.sample import sample_kept, sample_removed

if TYPE_CHECKING:
    from pathlib import Path


def ledger(out: Path) -> Ledger:
    return Ledger.open(f"{out}@r1")


def test_the_texts_come_from_the_input(out: Path) -> None:
    drawn = sample_removed(ledger(out), "filter-1", n=10, seed=0)
    assert drawn.population == 2
    assert {document["text"] for document in drawn.documents} == {"a b c", HOSTILE_TEXT}


@pytest.mark.parametrize("name", ["word_count", "filter-1/word_count", "mean_word_length", "near_dedup"])
def test_rules_and_steps_are_accepted(out: Path, name: str) -> None:
    assert sample_removed(ledger(out), name, n=10, seed=0).documents


def test_a_rule_of_a_family_is_found_by_its_short_name(out: Path) -> None:
    drawn = sample_removed(ledger(out), "word_count", n=10, seed=0)
    assert {document["step"] for document in drawn.documents} == {"filter-1", "filter-2"}


def test_a_seed_names_a_sample_and_a_larger_one_extends_it(out: Path) -> None:
    few = [document["id"] for document in sample_kept(ledger(out), n=2, seed=1).documents]
    again = [document["id"] for document in sample_kept(ledger(out), n=2, seed=1).documents]
    more = [document["id"] for document in sample_kept(ledger(out), n=5, seed=1).documents]
    others = [[d["id"] for d in sample_kept(ledger(out), n=5, seed=seed).documents] for seed in range(5)]
    assert few == again == more[:2]
    assert len({tuple(other) for other in others}) > 1


def test_an_annotation_is_no_removal(out: Path) -> None:
    with pytest.raises(ConfigError, match="verify_budget"):
        sample_removed(ledger(out), "verify_budget", n=5, seed=0)


def test_an_unknown_rule_is_suggested(out: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'word_count'"):
        sample_removed(ledger(out), "word_cnt", n=5, seed=0)


def test_a_known_step_that_removed_nothing_gives_nothing(out: Path) -> None:
    assert sample_removed(ledger(out), "normalise", n=5, seed=0).documents == []


def test_an_input_that_moved_is_found_where_it_is_said_to_be(out: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(out.parent / "corpus", moved)
    opened = ledger(out)
    manifest = {**opened.manifest, "input": {**opened.manifest["input"], "path": "gone"}}
    homeless = Ledger(opened.root, manifest)
    with pytest.raises(InputError, match="--input"):
        sample_removed(homeless, "filter-1", n=5, seed=0)
    drawn = sample_removed(homeless, "filter-1", n=5, seed=0, input_path=moved)
    assert {document["text"] for document in drawn.documents} == {"a b c", HOSTILE_TEXT}


def test_another_text_in_the_same_place_is_not_passed_off(out: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(out.parent / "corpus", changed)
    shard = changed / "en" / "part-00000.parquet"
    table = pq.read_table(shard)
    texts = pa.array([f"{text} now longer" for text in table["text"].to_pylist()], pa.large_string())
    pq.write_table(table.set_column(0, "text", texts), shard)
    drawn = sample_removed(ledger(out), "filter-1", n=5, seed=0, input_path=changed)
    assert [document["text"] for document in drawn.documents] == [None, None]


def test_a_shard_that_lost_rows_or_is_broken_is_an_input_error(out: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(out.parent / "corpus", changed)
    shard = changed / "en" / "part-00000.parquet"
    pq.write_table(pq.read_table(shard).slice(0, 1), shard)
    with pytest.raises(InputError, match="has no row"):
        sample_removed(ledger(out), "filter-1", n=5, seed=0, input_path=changed)
    shard.write_bytes(b"not parquet")
    with pytest.raises(InputError, match="cannot be read"):
        sample_removed(ledger(out), "filter-1", n=5, seed=0, input_path=changed)
