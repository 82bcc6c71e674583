"""Samples after the start token against the plain way, their four ranks, and where they stand in a corpus."""

from __future__ import annotations

import json
import math
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import transformers
from drawn_model import ENDS, save_drawn_model
from hypothesis import given
from hypothesis import strategies as st

from datagov.cli import main
from datagov.errors import ConfigError
from detectors.membership.method import Inputs
from detectors.probes.sampling import Samples, inputs_of, places, sample, scores_of, stands_in
from detectors.ragged import TokenBatch
from detectors.targets.ngram import open_target as open_ngram
from detectors.targets.ngram import save_ngram
from detectors.targets.opening import OpenOptions, open_target
from detectors.targets.target import Target
from detectors.targets.transformers_target import TransformersTarget

TOKENS = 12


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of random weights that prefers some tokens, and has many that end a text."""
    return save_drawn_model(tmp_path_factory.mktemp("model"), context=64)


@pytest.fixture(scope="module")
def target(place: Path) -> TransformersTarget:
    found = open_target(str(place), OpenOptions(device="cpu"))
    assert isinstance(found, TransformersTarget)
    return found


@torch.inference_mode()
def plainly(model: transformers.LlamaForCausalLM, uniform: np.ndarray, top_k: int | None) -> list[int]:
    """Sample one text token by token, without a cache and without a batch."""
    said: list[int] = []
    for number in uniform:
        scores = model(input_ids=torch.tensor([[0, *said]]), use_cache=False).logits[0, -1].double()
        ranked = sorted(range(len(scores)), key=lambda token: -float(scores[token]))[:top_k]
        weights = [float(np.exp(float(scores[token] - scores[ranked[0]]))) for token in ranked]
        reached, token = 0.0, ranked[-1]
        for candidate, weight in zip(ranked, weights, strict=True):
            reached += weight / sum(weights)
            if reached > number:
                token = candidate
                break
        if token in ENDS:
            break
        said.append(token)
    return said


@pytest.mark.parametrize("top_k", [1, 5, 40, None])
def test_samples_are_those_of_the_plain_way_whatever_the_batch(
    target: TransformersTarget, top_k: int | None
) -> None:
    uniform = np.random.default_rng(top_k or 0).random((24, TOKENS))
    expected = [plainly(target.model, row, top_k) for row in uniform]
    found = target.sample(uniform, top_k=top_k)
    assert [found.row(row).tolist() for row in range(24)] == expected
    small = TransformersTarget(target.model, target.tokenizer, target.facts, batch_tokens=TOKENS * 3)
    again = small.sample(uniform[:10], top_k=top_k)
    assert [again.row(row).tolist() for row in range(10)] == expected[:10]
    if top_k == 40:
        assert len({len(row) for row in expected}) > 2


def test_first_tokens_are_drawn_by_their_probabilities(target: TransformersTarget) -> None:
    with torch.inference_mode():
        best, token = target.model(input_ids=torch.tensor([[0]])).logits[0, -1].topk(6)
    expected = dict(zip(token.tolist(), best.softmax(-1).tolist(), strict=True))
    drawn = target.sample(np.random.default_rng(0).random((4000, 1)), top_k=6)
    seen = Counter(tuple(drawn.row(row).tolist()) for row in range(len(drawn)))
    ended = sum(expected.pop(one) for one in ENDS & expected.keys())
    for key, share in {(): ended, **{(one,): share for one, share in expected.items()}}.items():
        assert seen[key] / 4000 == pytest.approx(share, abs=4 * (share * (1 - share) / 4000) ** 0.5 + 1e-9)


def test_samples_are_counted_once_and_do_not_depend_on_how_many_there_are(target: TransformersTarget) -> None:
    few, many = (sample(target, count=count, tokens=3, top_k=3, seed=5) for count in (20, 60))
    assert many.texts[: len(few)] == few.texts
    assert int(many.times_N.sum()) + many.empty == 60
    assert len(set(many.texts)) == len(many) < 60
    assert sample(target, count=20, tokens=3, top_k=3, seed=6) != few


def test_ranks_are_the_published_formulas(target: TransformersTarget, place: Path, tmp_path: Path) -> None:
    save_ngram(tmp_path / "small.json", "Hello there. General hello", place / "tokenizer.json")
    smaller = open_ngram(f"ngram:{tmp_path / 'small.json'}", OpenOptions())
    texts = ["Hello There", "hello there", "桥", "GENERAL hello", "a"]

    def log_perplexity(model: Target, text: str) -> float:
        ids = [0, *model.encode([text]).row(0).tolist()]
        return -float(model.trace(TokenBatch.of([ids])).logprob_T.astype(np.float64).mean())

    found = scores_of(inputs_of(target, smaller, texts))
    assert list(found) == ["perplexity", "smaller", "zlib", "lowercase"]
    for row, text in enumerate(texts):
        own = log_perplexity(target, text)
        assert found["perplexity"][row] == pytest.approx(-own, rel=1e-5)
        assert found["smaller"][row] == pytest.approx(log_perplexity(smaller, text) / own, rel=1e-5)
        assert found["zlib"][row] == pytest.approx(len(zlib.compress(text.encode())) / own, rel=1e-5)
        lower = log_perplexity(target, text.lower()) / own if text.lower() != text else np.nan
        assert found["lowercase"][row] == pytest.approx(lower, rel=1e-5, nan_ok=True)
    assert "smaller" not in scores_of(inputs_of(target, None, texts))


@given(st.lists(st.one_of(st.integers(-3, 3).map(float), st.just(float("nan"))), max_size=30))
def test_places_are_those_of_a_stable_sort(scores: list[float]) -> None:
    known = sorted(
        (row for row, score in enumerate(scores) if not math.isnan(score)), key=lambda row: -scores[row]
    )
    expected = [known.index(row) + 1 if row in known else 0 for row in range(len(scores))]
    assert places(np.array(scores, np.float64)).tolist() == expected


ROWS = st.lists(st.lists(st.integers(0, 2), max_size=9), max_size=7)


@given(samples=ROWS, corpus=ROWS, tokens=st.integers(1, 4))
def test_what_stands_in_a_corpus_is_what_a_plain_search_finds(
    samples: list[list[int]], corpus: list[list[int]], tokens: int
) -> None:
    def windows(row: list[int]) -> set[tuple[int, ...]]:
        return {tuple(row[at : at + tokens]) for at in range(len(row) - tokens + 1)}

    expected = [
        next((at for at, text in enumerate(corpus) if windows(text) & windows(row)), -1) for row in samples
    ]
    assert stands_in(TokenBatch.of(samples), TokenBatch.of(corpus), tokens).tolist() == expected


def test_a_text_that_costs_nothing_has_no_ratio(target: TransformersTarget) -> None:
    inputs = inputs_of(target, None, ["Hello"])
    assert inputs.plain is not None
    inputs.plain.logprob_T[:] = 0.0
    free = scores_of(
        Inputs(inputs.plain, inputs.lowercase, zlib_bytes=inputs.zlib_bytes, unchanged=inputs.unchanged)
    )
    assert free["perplexity"].tolist() == [0.0]
    assert np.isnan([free["zlib"][0], free["lowercase"][0]]).all()


def test_the_command_ranks_samples_and_looks_them_up(
    place: Path, target: TransformersTarget, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known: Samples = sample(target, count=30, tokens=TOKENS, top_k=4, seed=0)
    texts, out = tmp_path / "texts.parquet", tmp_path / "out.parquet"
    pq.write_table(pa.table({"text": ["nothing of it", max(known.texts, key=len)]}), texts)
    asked = ["detect", "extract", str(texts), "--target", str(place), "--device", "cpu"]
    sampled = ["--samples", "30", "--sample-tokens", str(TOKENS), "--top-k", "4", "--suffix", "6"]
    assert main([*asked, *sampled, "--smaller", str(place), "--output", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["samples"], said["distinct"], said["empty"]) == (30, len(known), known.empty)
    assert set(said["by"]) == {"every sample", "perplexity", "smaller", "zlib", "lowercase"}
    table = pq.read_table(out)
    assert table.column("sample").to_pylist() == known.texts
    assert sum(row is not None for row in table.column("text").to_pylist()) == said["from_texts"] >= 1
    assert set(table.column("text").to_pylist()) <= {None, 1}
    assert set(table.column("smaller").to_pylist()) == {1.0}
    assert sorted(table.column("perplexity_place").to_pylist()) == list(range(1, len(known) + 1))
    assert main([*asked, *sampled]) == 0
    shown = capsys.readouterr()
    assert not any(text in shown.out + shown.err for text in known.texts if len(text) > 3)
    assert main([*asked, *sampled, "--controls", str(texts)]) == 2
    assert main([*asked, "--smaller", str(place)]) == 2


def test_a_model_of_counts_is_not_sampled(place: Path, tmp_path: Path) -> None:
    save_ngram(tmp_path / "small.json", "Hello there", place / "tokenizer.json")
    with pytest.raises(ConfigError, match="only a checkpoint's folder or an endpoint is"):
        sample(
            open_ngram(f"ngram:{tmp_path / 'small.json'}", OpenOptions()), count=1, tokens=1, top_k=1, seed=0
        )
