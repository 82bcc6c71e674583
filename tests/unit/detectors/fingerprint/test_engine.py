"""The engine against closed forms and against the plain way: one seed at a time, no cache, no batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import engine_of, markov_model, naive, random_llama

from datagov.errors import ConfigError, TargetError
from detectors.fingerprint.engine import ForcingEngine
from detectors.fingerprint.pruning import RULES, Rule, rule_of

TOLERANCE = 1e-4
CONTEXTS = ([0], [], [0, 5, 9, 11])


def chain(size: int, edges: dict[int, tuple[int, float]]) -> np.ndarray:
    """Return logits under which each named token is followed by one other with the given probability."""
    logits = np.zeros((size, size))
    for token, (follower, probability) in edges.items():
        logits[token, follower] = np.log(probability * (size - 1) / (1 - probability))
    return logits


def test_a_markov_chain_is_followed_in_closed_form() -> None:
    cycle = {4: (5, 0.99), 5: (6, 0.98), 6: (4, 0.97)}
    ending = {7: (8, 0.9), 8: (1, 0.95)}
    model = markov_model(chain(12, cycle | ending))
    paths = engine_of(model, [0]).extend(np.array([4, 7], np.int32), 4)
    assert paths.token_NS.tolist()[0] == [5, 6, 4, 5]
    assert paths.token_NS.tolist()[1][:2] == [8, 1]
    expected = np.log([0.99, 0.98, 0.97, 0.99])
    assert np.abs(paths.logprob_NS[0] - expected).max() < TOLERANCE
    assert np.abs(paths.logprob_NS[1, :2] - np.log([0.9, 0.95])).max() < TOLERANCE


def test_a_near_tie_goes_to_the_more_probable() -> None:
    logits = np.zeros((8, 8))
    logits[3, 5], logits[3, 6] = 4.0, 4.0 + 1e-4
    paths = engine_of(markov_model(logits), [0]).first_step(np.array([3], np.int32))
    assert paths.token_NS.tolist() == [[6]]
    total = np.exp(4.0) + np.exp(4.0 + 1e-4) + 6
    assert abs(float(paths.logprob_NS[0, 0]) - (4.0 + 1e-4 - np.log(total))) < TOLERANCE


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("context", CONTEXTS, ids=("start token", "nothing", "prompt"))
@pytest.mark.parametrize("by_hand", [True, False])
def test_the_engine_finds_what_the_plain_way_finds(*, tied: bool, context: list[int], by_hand: bool) -> None:
    model = random_llama(tied=tied)
    seeds = np.arange(2, 97, dtype=np.int32)
    paths = engine_of(model, context, rows=16, by_hand=by_hand).extend(seeds, 5)
    for row in range(0, len(seeds), 8):
        tokens, logprobs = naive(model, context, int(seeds[row]), 5)
        assert paths.token_NS[row].tolist() == tokens
        assert np.abs(paths.logprob_NS[row] - logprobs).max() < TOLERANCE


@pytest.mark.parametrize("name", RULES)
def test_pruning_loses_no_candidate(name: str) -> None:
    engine = engine_of(random_llama(scale=60.0), [0], rows=32)
    seeds = np.arange(2, 97, dtype=np.int32)
    everything = engine.extend(seeds, 3)
    threshold = float(np.quantile(RULES[name].scores(everything.logprob_NS), 0.8))
    rule = rule_of(name, threshold=threshold)
    pruned = engine.extend(seeds, 3, rule=rule, margin=1e-3)
    candidates = rule.scores(everything.logprob_NS) > threshold
    assert candidates.any()
    assert np.isnan(pruned.logprob_NS[:, -1]).any(), "something was pruned"
    assert pruned.token_NS[candidates].tolist() == everything.token_NS[candidates].tolist()
    assert np.abs(pruned.logprob_NS[candidates] - everything.logprob_NS[candidates]).max() < TOLERANCE
    assert (rule.scores(pruned.logprob_NS) > threshold).tolist() == candidates.tolist()


@settings(max_examples=examples(60))
@given(
    st.lists(st.lists(st.floats(1e-6, 1.0), min_size=4, max_size=4), min_size=1, max_size=20),
    st.sampled_from(sorted(RULES)),
    st.floats(0.05, 0.99),
)
def test_a_path_that_ends_above_the_threshold_is_never_given_up(
    probabilities: list[list[float]], name: str, level: float
) -> None:
    rule = Rule(name, 4, float(np.log(level)) if name == "log" else level)
    logprobs = np.log(np.array(probabilities)).astype(np.float32)
    ends_above = rule.scores(logprobs) > rule.threshold
    for step in range(1, 4):
        assert rule.alive(logprobs[:, :step], 1e-6)[ends_above].all()


def test_the_reference_rule_is_the_published_one() -> None:
    probabilities = np.array([[0.9921, 0.99, 0.99], [0.93, 0.93, 0.93], [0.81, 1.0, 1.0], [0.79, 1.0, 1.0]])
    rule = RULES["reference"]
    assert np.allclose(rule.scores(np.log(probabilities)), (1 + probabilities.sum(1)) / 4)
    assert rule.alive(np.log(probabilities[:, :1]), 0.0).tolist() == [True, True, True, False]


@pytest.mark.parametrize("rows", [1, 7, 95, 500])
def test_batches_change_nothing(rows: int) -> None:
    model = random_llama()
    seeds = np.random.default_rng(3).permutation(np.arange(2, 97)).astype(np.int32)
    one = engine_of(model, [0], rows=31).extend(seeds, 4, rule=RULES["log"], margin=1e-3)
    other = engine_of(model, [0], rows=rows).extend(seeds, 4, rule=RULES["log"], margin=1e-3)
    assert one.token_NS.tolist() == other.token_NS.tolist()
    assert np.nanmax(np.abs(one.logprob_NS - other.logprob_NS)) < TOLERANCE


class Cramped(ForcingEngine):
    """Runs out of memory above some rows."""

    most = 5

    def _continue(self, seed_B: Any, *others: Any) -> Any:
        if len(seed_B) > self.most:
            raise torch.OutOfMemoryError("injected")
        return super()._continue(seed_B, *others)


def test_running_out_of_memory_halves_the_batch_and_changes_nothing() -> None:
    model = random_llama()
    seeds = np.arange(2, 97, dtype=np.int32)
    cramped = Cramped(model, None, [0], rows=64)
    whole = engine_of(model, [0], by_hand=False).extend(seeds, 3)
    found = cramped.extend(seeds, 3)
    assert cramped.rows <= Cramped.most
    assert found.seed_N.tolist() == seeds.tolist()
    assert found.token_NS.tolist() == whole.token_NS.tolist()


def test_what_forcing_cannot_share_or_reach_is_refused() -> None:
    shape = {"vocab_size": 97, "hidden_size": 32, "num_hidden_layers": 2}
    mamba = transformers.MambaForCausalLM(transformers.MambaConfig(**shape, state_size=4)).eval()
    with pytest.raises(TargetError, match="state that is not keys and values"):
        ForcingEngine(mamba, None, [0])
    attention = {"intermediate_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2}
    mistral = transformers.MistralForCausalLM(
        transformers.MistralConfig(**shape, **attention, sliding_window=8)
    ).eval()
    engine = engine_of(mistral, [0])
    engine.refuse_beyond_window(7)
    with pytest.raises(TargetError, match="have 9 tokens and the model attends to 8"):
        engine.refuse_beyond_window(8)


@pytest.mark.parametrize(("name", "threshold"), [("reference", 1.0), ("mean", float("nan")), ("log", 0.0)])
def test_a_threshold_that_nothing_exceeds_is_refused(name: str, threshold: float) -> None:
    with pytest.raises(ConfigError, match="no path can exceed it"):
        rule_of(name, threshold=threshold)


def test_a_seed_that_does_not_fit_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cramped, "most", 0)
    with pytest.raises(TargetError, match="one seed does not fit"):
        Cramped(random_llama(), None, [0], rows=4).extend(np.arange(2, 9, dtype=np.int32), 2)
