"""Mobile numbers in real posts: the same ones as a plain regular expression finds."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagov.pii.find import find
from datagov.pii.kinds import NAMES
from datagov.text.batch import TextBatch

PLAIN = re.compile(r"(?<!\d)1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)", re.ASCII)


@pytest.mark.slow
@pytest.mark.corpus
def test_mobile_numbers_in_posts_are_those_of_a_plain_expression(corpus_root: Path) -> None:
    texts = [text for text in pq.read_table(corpus_root / "zh_weibo")["text"].to_pylist() if text]
    batch = TextBatch(pa.array(texts, pa.large_string()))
    found = find(batch, kinds=["mobile"])
    assert set(found.kind.tolist()) == {NAMES.index("mobile")}
    expected = [len(PLAIN.findall(text)) for text in texts]
    assert np.bincount(found.row, minlength=len(texts)).tolist() == expected
    assert sum(expected) > 0
