"""The blind check tells shifted sets apart and seldom anything else."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagov.errors import InputError
from detectors.statistics.blind import blind_check
from detectors.statistics.blind_features import similarity
from detectors.statistics.overlap import near_duplicates

WORDS = [f"word{n}" for n in range(800)]
SPLITS = 60


def passage(seed: int, *, year: int | None = None, fresh: float = 0.0) -> str:
    """A text of common words, a year, and a share of words of the season."""
    chance = random.Random(seed)
    words = [
        f"season{chance.randrange(20)}" if chance.random() < fresh else WORDS[int(800 * chance.random() ** 2)]
        for _ in range(90)
    ]
    return " ".join([*words, *([f"in {year}"] if year else [])])


def kernel(texts: list[str]) -> np.ndarray:
    return similarity(pa.array(texts, pa.large_string()))


def half(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(count) < count // 2


def test_false_alarms_are_at_most_the_nominal_rate() -> None:
    found = kernel([passage(seed) for seed in range(200)])
    outcomes = [
        blind_check(found, half(200, seed), permutations=99, seed=seed).outcome for seed in range(SPLITS)
    ]
    # at most 5 % are expected: 3 of 60, with a standard deviation of 1.7
    assert outcomes.count("separated") <= 7


@pytest.mark.parametrize("shift", [{"year": 2024}, {"fresh": 0.08}])
def test_a_shift_of_years_or_of_words_is_separated(shift: dict[str, float]) -> None:
    before: dict[str, float] = {"year": 2019} if "year" in shift else {}
    texts = [passage(n, **before) for n in range(100)] + [passage(n, **shift) for n in range(100, 200)]  # type: ignore[arg-type]
    found = blind_check(kernel(texts), np.arange(200) >= 100, permutations=99)
    assert found.outcome == "separated"
    assert found.auroc > 0.8
    assert found.p_value == 0.01
    assert found.predictions[:100].mean() > found.predictions[100:].mean()


def test_many_like_documents_are_equivalent_and_few_undecided() -> None:
    many = kernel([passage(seed) for seed in range(900)])
    assert blind_check(many, half(900, 3), permutations=99).outcome == "equivalent"
    assert blind_check(many[:50, :50], half(50, 1), permutations=99).outcome == "undecided"


def test_too_few_documents_are_refused() -> None:
    with pytest.raises(InputError, match="at least 20 documents of each kind; there are 10"):
        blind_check(np.eye(60), np.arange(60) < 10)


def test_texts_of_any_kind_have_features() -> None:
    found = kernel(["", " ", "中", "中文文本" * 50, "\x00", "a" * 30_000, "2019 2024"])
    assert found.shape == (7, 7)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, found.T)


@pytest.mark.corpus
@pytest.mark.slow
def test_wikimia_24_is_separated(corpus_root: Path) -> None:
    place = corpus_root.parent / "labelled/wikimia24_64.parquet"
    if not place.exists():
        pytest.skip(f"no labelled texts at {place}")
    table = pq.read_table(place)
    texts = table.column("text").cast(pa.large_string()).combine_chunks()
    clusters = near_duplicates(texts)
    first = np.flatnonzero(clusters == np.arange(len(clusters)))
    label = np.array(table.column("label").to_pylist())[first]
    found = blind_check(similarity(texts.take(pa.array(first))), label == 1, permutations=99)
    assert found.outcome == "separated"
    assert found.auroc > 0.95
