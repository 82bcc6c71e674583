"""What holds for every method: direction, independence of batch mates and order, NULL with a reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from traces import ORIGIN, rows_of, table_of

from datagov.errors import ConfigError
from detectors.membership import METHODS
from detectors.membership.method import Inputs, Method
from detectors.ragged import TokenBatch, offsets_of
from detectors.trace import TraceBatch

VOCABULARY = 50
LENGTHS = [0, 1, 2, 3, 7, 40, 40, 5]
ROUNDING = 1e-12
"""Of sums in fp64 that are taken in another order; scores here are below 100."""


def full_trace(generator: np.random.Generator, lengths: list[int]) -> TraceBatch:
    """A trace of a random model over a small vocabulary, with every statistic."""
    offsets = offsets_of(lengths)
    tokens = int(offsets[-1])
    logits = generator.normal(0, 2, (tokens, VOCABULARY))
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    ids = generator.integers(0, VOCABULARY, tokens)
    p = np.exp(log_p)
    entropy = -(p * log_p).sum(axis=1)
    chosen = log_p[np.arange(tokens), ids]
    return TraceBatch(
        origin=ORIGIN,
        text_W=np.arange(len(lengths)),
        texts=len(lengths),
        offsets=offsets,
        token_ids_T=ids.astype(np.int32),
        logprob_T=chosen.astype(np.float32),
        entropy_T=entropy.astype(np.float32),
        variance_T=(p * (log_p + entropy[:, None]) ** 2).sum(axis=1).astype(np.float32),
        top1_T=log_p.max(axis=1).astype(np.float32),
        rank_T=(log_p > chosen[:, None]).sum(axis=1).astype(np.int32),
        top_TK=-np.sort(-log_p, axis=1)[:, :20].astype(np.float32),
    )


def full_inputs(seed: int, lengths: list[int]) -> Inputs:
    generator = np.random.default_rng(seed)
    rows = len(lengths)
    return Inputs(
        plain=full_trace(generator, lengths),
        lowercase=full_trace(generator, lengths),
        reference=full_trace(generator, lengths),
        prefixed={"non_member": full_trace(generator, lengths), "member": full_trace(generator, lengths)},
        perturbed=[full_trace(generator, lengths) for _ in range(2)],
        continued=TokenBatch.of([generator.integers(0, 3, 6) for _ in range(rows)]),
        truth=TokenBatch.of([generator.integers(0, 3, length) for length in lengths]),
        utf8_bytes=generator.integers(1, 100, rows),
        zlib_bytes=generator.integers(8, 100, rows),
        unchanged=generator.random(rows) < 0.2,
        frequency=table_of(generator.integers(0, 1000, VOCABULARY).tolist()),
        vocabulary_size=VOCABULARY,
    )


every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)


@every_method
def test_a_score_or_a_reason_never_both(method: Method) -> None:
    found = method.score(full_inputs(1, LENGTHS), method.defaults)
    assert found.values.dtype == np.float64
    assert found.values.shape == (len(LENGTHS),)
    assert [reason is not None for reason in found.reasons] == np.isnan(found.values).tolist()
    assert found.reasons[0] is not None  # a text without tokens
    assert not np.signbit(found.values[found.values == 0]).any()


@every_method
@settings(max_examples=examples(20))
@given(seed=st.integers(0, 10**6), order=st.permutations(range(len(LENGTHS))))
def test_a_row_does_not_depend_on_the_others(method: Method, seed: int, order: list[int]) -> None:
    inputs = full_inputs(seed, LENGTHS)
    together = method.score(inputs, method.defaults)
    shuffled = method.score(rows_of(inputs, order), method.defaults)
    np.testing.assert_array_equal(shuffled.values, together.values[order])
    assert shuffled.reasons == [together.reasons[row] for row in order]
    alone = method.score(rows_of(inputs, [order[0]]), method.defaults)
    np.testing.assert_array_equal(alone.values, together.values[[order[0]]])


@every_method
def test_no_rows_give_no_scores(method: Method) -> None:
    found = method.score(rows_of(full_inputs(3, LENGTHS), []), method.defaults)
    assert (len(found.values), found.reasons) == (0, [])


@pytest.mark.parametrize(
    "method",
    [
        m
        for m in METHODS
        if m.name in {"loss", "zlib_ratio", "min_k", "min_k_plus_plus", "reference", "dc_pdd", "gap_k"}
    ],
    ids=lambda method: method.name,
)
@settings(max_examples=examples(30))
@given(seed=st.integers(0, 10**6), place=st.integers(0, 39), gain=st.floats(0.01, 3))
def test_a_more_probable_token_never_lowers_the_score(
    method: Method, seed: int, place: int, gain: float
) -> None:
    inputs = full_inputs(seed, [40])
    assert inputs.plain is not None
    raised = inputs.plain.logprob_T.copy()
    raised[place] = min(0, raised[place] + gain)
    after = method.score(replace(inputs, plain=replace(inputs.plain, logprob_T=raised)), method.defaults)
    assert after.values[0] >= method.score(inputs, method.defaults).values[0] - ROUNDING


@pytest.mark.parametrize("name", ["rank", "lowercase", "recall", "con_recall", "pac"])
def test_directions_of_the_others(name: str) -> None:
    (method,) = (m for m in METHODS if m.name == name)
    inputs = replace(full_inputs(5, [40]), unchanged=np.array([False]))
    before = method.score(inputs, method.defaults).values[0]
    plain = inputs.plain
    assert plain is not None
    assert plain.rank_T is not None
    likelier = {
        "rank": replace(plain, rank_T=plain.rank_T // 2),
        "lowercase": replace(plain, logprob_T=plain.logprob_T / 2),
        "recall": replace(plain, logprob_T=plain.logprob_T / 2),
        "con_recall": replace(plain, logprob_T=plain.logprob_T / 2),
        # a flat profile is a member's: nothing stands out
        "pac": replace(plain, logprob_T=np.full_like(plain.logprob_T, plain.logprob_T.mean())),
    }[name]
    assert method.score(replace(inputs, plain=likelier), method.defaults).values[0] > before


@every_method
def test_an_explanation_has_a_number_for_each_token(method: Method) -> None:
    if method.explain is None:
        assert method.name in {
            "zlib_ratio",
            "min_k_plus_plus_top",
            "lowercase",
            "reference",
            "recall",
            "con_recall",
            "pac",
            "verbatim",
        }
        return
    inputs = full_inputs(7, LENGTHS)
    told = method.explain(inputs, method.defaults)
    assert told.values_T.shape == (sum(LENGTHS),)
    assert told.meaning


@every_method
def test_a_method_says_what_it_is(method: Method) -> None:
    assert method.formula
    assert method.source
    assert method.null_when
    assert method.needs
    assert method.passes


@pytest.mark.parametrize("value", ["nonsense", [1], None, float("nan")], ids=repr)
@pytest.mark.parametrize(
    ("method", "name"),
    [(method, name) for method in METHODS for name in method.defaults],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_parameter_that_is_none_is_refused_by_its_name(method: Method, name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=name):
        method.score(full_inputs(8, [40]), {**method.defaults, name: value})
