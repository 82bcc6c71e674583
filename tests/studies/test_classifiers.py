"""The study of classifiers writes its part of the page, and no other."""

from __future__ import annotations

import sys
from pathlib import Path

import classifiers
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]


def test_a_section_takes_the_place_of_the_one_before() -> None:
    page = "# Page\n\nBefore.\n"
    once = classifiers.replaced(page, "one")
    assert once == f"# Page\n\nBefore.\n\n{classifiers.BEGIN}\none\n{classifiers.END}\n"
    assert classifiers.replaced(once + "\nAfter.\n", "two") == once.replace("one", "two") + "\nAfter.\n"


def test_the_page_has_the_sections_marks() -> None:
    page = (ROOT / "docs/safety.md").read_text("utf-8")
    assert page.count(classifiers.BEGIN) == page.count(classifiers.END) == 1


@pytest.mark.slow
def test_the_study_runs_on_small_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{word} {at}" for at in range(30) for word in ("kind words", "rude words")]
    columns = {"text": texts, "label": [0, 1] * 30, "group": [str(at // 2) for at in range(60)]}
    for name in ("swsr_train", "cold_train", "cold_dev", "edos_train", "edos_dev"):
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    monkeypatch.setattr(classifiers, "TIMED_BYTES", 1)
    page = tmp_path / "page.md"
    monkeypatch.setattr(sys, "argv", ["study", "--labelled", str(tmp_path), "--page", str(page)])
    classifiers.main()
    lines = page.read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("| EDOS | linear | edos_dev | 1.000 |")]
    assert len([line for line in lines if line.startswith("| COLD | ")]) == 6
