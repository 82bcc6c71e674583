"""Frequency tables: they add up, name what they counted, and refuse what does not go together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagov.errors import ConfigError, InputError
from datagov.frequency import FrequencyTable, add_tables, drift, read_frequency, write_frequency
from detectors.membership.token_frequency import frequency_for

TOKENIZER = "0f" * 16


def table(counts: list[int], corpus: str, **changes: object) -> FrequencyTable:
    given_facts = {"tokenizer_digest": TOKENIZER, "token_cap": None, "documents": 3, **changes}
    return FrequencyTable(np.array(counts, np.int64), corpus_digest=corpus, **given_facts)


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = table([3, 0, 2**40], "a", token_cap=1024)
    write_frequency(tmp_path / "t.parquet", written)
    again = read_frequency(tmp_path / "t.parquet")
    assert again.facts() == written.facts()
    assert again.counts.dtype == np.int64
    assert again.counts.tolist() == [3, 0, 2**40]


@given(rows=st.lists(st.lists(st.integers(0, 2**50), min_size=4, max_size=4), min_size=1, max_size=6))
def test_tables_add_up_in_any_order_and_grouping(rows: list[list[int]]) -> None:
    tables = [table(row, f"corpus-{at}") for at, row in enumerate(rows)]
    whole = add_tables(tables)
    assert whole.counts.tolist() == np.sum(rows, axis=0).tolist()
    assert whole.documents == 3 * len(rows)
    assert add_tables(tables[::-1]).facts() == whole.facts()
    if len(tables) > 2:
        nested = add_tables([add_tables(tables[:2]), *tables[2:]])
        assert nested.facts() == whole.facts()


def test_tables_that_do_not_go_together_are_refused() -> None:
    first = table([1, 2], "a")
    for other, said in (
        (table([1, 2], "b", tokenizer_digest="1e" * 16), "different tokenizers"),
        (table([1, 2], "b", token_cap=8), "token caps"),
        (add_tables([table([1, 2], "b"), table([4, 4], "a")]), "counted twice"),
    ):
        with pytest.raises(ConfigError, match=said):
            add_tables([first, other])


def test_a_table_of_another_tokenizer_is_refused_by_detectors(tmp_path: Path) -> None:
    write_frequency(tmp_path / "t.parquet", table([1, 2], "a"))
    assert frequency_for(tmp_path / "t.parquet", tokenizer_digest=TOKENIZER).tokens == 3
    with pytest.raises(ConfigError, match="counts would belong to other tokens"):
        frequency_for(tmp_path / "t.parquet", tokenizer_digest="1e" * 16)


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    write_frequency(tmp_path / "t.parquet", table([1, 2], "a"))
    changed = pq.read_table(tmp_path / "t.parquet")
    pq.write_table(
        changed.set_column(0, changed.schema.field(0), pa.array([1, 3])), tmp_path / "changed.parquet"
    )
    pq.write_table(pa.table({"count": [1]}), tmp_path / "other.parquet")
    (tmp_path / "text.parquet").write_text("not Parquet")
    for name, said in (
        ("none.parquet", "no such file"),
        ("changed.parquet", "not those it says"),
        ("other.parquet", "not a table of"),
        ("text.parquet", "cannot be read"),
    ):
        with pytest.raises(InputError, match=said):
            read_frequency(tmp_path / name)


def test_drift_of_a_table_with_itself_is_nothing_and_of_disjoint_ones_is_all() -> None:
    same = drift(table([5, 5, 0, 0], "a"), table([50, 50, 0, 0], "b"))
    assert same["total_variation"] == 0
    assert same["jensen_shannon_bits"] == 0
    assert same["moved"] == []
    apart = drift(table([5, 5, 0, 0], "a"), table([0, 0, 1, 3], "b"))
    assert apart["total_variation"] == pytest.approx(1)
    assert apart["jensen_shannon_bits"] == pytest.approx(1)
    assert apart["unseen_before_fraction"] == pytest.approx(1)
    assert [row["token_id"] for row in apart["moved"]] == [3, 0, 1, 2]
    # By hand: f_before = 1/14 for tokens 2 and 3, f_after = 2/8 and 4/8, weights 1/4 and 3/4.
    by_hand = 0.25 * np.log(3.5) + 0.75 * np.log(7)
    assert apart["mean_abs_log_ratio"] == pytest.approx(by_hand, rel=1e-12)


def test_drift_of_an_empty_table_is_undefined() -> None:
    found = drift(table([0, 0], "a"), table([1, 0], "b"))
    assert found["total_variation"] is None
    assert found["mean_abs_log_ratio"] is None
