"""The growth measurement in small: one corpus, and three times as much."""

from __future__ import annotations

from pathlib import Path

import growth
import pytest

pytestmark = pytest.mark.slow


def test_memory_and_work_a_document_stay_as_the_corpus_grows(tmp_path: Path) -> None:
    base = growth.base_corpus(tmp_path, documents=2_000)
    one, three = growth.grow((1, 3), tmp_path, base)
    assert three.parts > one.parts
    assert three.documents == 3 * one.documents
    assert three.peak_bytes <= 1.15 * one.peak_bytes
    # Copies are strangers: each has the duplicates of its own, and its own share of what is shuffled.
    assert three.removed == pytest.approx(3 * one.removed, rel=0.02)
    assert three.shuffled_bytes == pytest.approx(3 * one.shuffled_bytes, rel=0.05)


def test_the_exponent_is_that_of_the_power_law() -> None:
    measured = [growth.Measured(n, n, 1, n, 3 * n**1.2, n, 1, 1, 0) for n in (10, 40, 160)]
    assert growth.exponent(measured, "seconds") == pytest.approx(1.2)
    assert growth.exponent(measured, "cpu_seconds") == pytest.approx(1.0)
