"""The study of lexicons: its figures are those one counts by hand, and its page keeps what stands around them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lexicons import BEGIN, END, main, scores


def test_scores_are_those_counted_by_hand() -> None:
    flags = np.array([True, True, False, False, False])
    positive = np.array([True, False, True, False, False])
    precision, recall, f1, macro, share = scores(flags, positive)
    assert (precision, recall, f1, share) == (0.5, 0.5, 0.5, 0.4)
    assert macro == pytest.approx((0.5 + 2 / 3) / 2)
    assert scores(~flags & flags, positive)[:3] == (0.0, 0.0, 0.0)


@pytest.mark.slow
def test_the_page_is_written_between_its_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["你个傻瓜", "今天天气好", "what a fool", "a fine day"]
    table = {
        "text": texts,
        "label": [1, 0, 1, 0],
        "topic": ["gender"] * 4,
        "fine": ["anti-bias", None, None, "x"],
    }
    for name in ("swsr_train", "cold_dev", "edos_dev"):
        pq.write_table(pa.table(table), tmp_path / f"{name}.parquet")
    (tmp_path / "SexHateLex.txt").write_text("傻瓜\n傻瓜蛋\n", "utf-8")
    (tmp_path / "ldnoobw_zh.txt").write_text("傻瓜\n", "utf-8")
    (tmp_path / "ldnoobw_en.txt").write_text("fool\n", "utf-8")
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nstale\n{END}\nafter\n", "utf-8")
    folders = ["--labelled", str(tmp_path), "--lexicons", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["lexicons.py", *folders, "--page", str(page)])
    main()
    written = page.read_text("utf-8")
    assert written.startswith(f"before\n{BEGIN}\n")
    assert written.endswith(f"{END}\nafter\n")
    assert "stale" not in written
    assert "| | LDNOOBW English | 25.0 % | 1.000 | 0.500 | 0.667 |" in written
    assert "| COLD, fine label anti-bias (1) | 100.0 % | 100.0 %" in written
