"""Every method against numbers worked by hand; the working stands beside each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from traces import ORIGIN, rows_of, table_of, trace_of

from datagov.errors import ConfigError
from detectors.membership import METHODS, method, resolve_params
from detectors.membership.method import Inputs, Scores
from detectors.ragged import TokenBatch

TO = 1e-9


def score(name: str, inputs: Inputs, **given: Any) -> Scores:
    chosen = method(name)
    return chosen.score(inputs, resolve_params(chosen, given))


def only(result: Scores) -> float:
    assert result.reasons == [None]
    return float(result.values[0])


def test_loss() -> None:
    # (-1 - 2 - 4.5) / 3 = -7.5 / 3
    assert only(score("loss", Inputs(trace_of([[-1, -2, -4.5]])))) == pytest.approx(-2.5, abs=TO)


def test_zlib_ratio() -> None:
    # mean -2.5 over 20 bytes
    inputs = Inputs(trace_of([[-1, -2, -4.5]]), zlib_bytes=np.array([20]))
    assert only(score("zlib_ratio", inputs)) == pytest.approx(-0.125, abs=TO)


def test_min_k() -> None:
    # n = 5, k = 0.4: floor(2) = 2 smallest are -8 and -4, mean -6
    inputs = Inputs(trace_of([[-1, -8, -0.5, -4, -2]]))
    assert only(score("min_k", inputs, k=0.4)) == pytest.approx(-6, abs=TO)
    # k = 0.2: floor(1) = 1
    assert only(score("min_k", inputs)) == pytest.approx(-8, abs=TO)


def test_min_k_of_a_text_shorter_than_one_token_in_k() -> None:
    inputs = Inputs(trace_of([[-1, -3]]))
    # 0.2 * 2 = 0.4: one token, or none
    assert only(score("min_k", inputs)) == -3
    undefined = score("min_k", inputs, short_text="undefined")
    assert np.isnan(undefined.values[0])
    assert undefined.reasons == ["too_short"]


def test_min_k_takes_k_as_it_is_written() -> None:
    # 0.29 * 100 is 28.999999999999996 in binary; it is 29. The 29 smallest of -1 .. -100 are -100 .. -72, mean -86.
    inputs = Inputs(trace_of([[-float(i) for i in range(1, 101)]]))
    assert only(score("min_k", inputs, k=0.29)) == pytest.approx(-86, abs=TO)


def test_min_k_plus_plus() -> None:
    # z = (l + H) / sigma: (-3 + 1) / sqrt(4) = -1, (-1 + 2) / sqrt(0.25) = 2, (-6 + 1) / sqrt(1) = -5, (-2 + 2) / 1 = 0
    # k = 0.5 of 4: mean of -5 and -1
    trace = trace_of([[-3, -1, -6, -2]], entropy=[[1, 2, 1, 2]], variance=[[4, 0.25, 1, 1]])
    assert only(score("min_k_plus_plus", Inputs(trace), k=0.5)) == pytest.approx(-3, abs=TO)


def test_min_k_plus_plus_leaves_out_tokens_without_variance() -> None:
    # the second token is left out: z = -1 and -5, k = 0.5 of 2
    trace = trace_of([[-3, -1, -6], [-1]], entropy=[[1, 2, 1], [1]], variance=[[4, 0, 1], [0]])
    found = score("min_k_plus_plus", Inputs(trace), k=0.5)
    assert found.values[0] == pytest.approx(-5, abs=TO)
    assert found.reasons == [None, "no_variance"]


def test_surp() -> None:
    # n = 5, k = 0.4: the 2 smallest are -8 and -4; entropies 1.5 and 2.5, tau = 2: only -8
    trace = trace_of([[-1, -8, -0.5, -4, -2]], entropy=[[0, 1.5, 0, 2.5, 0]])
    assert only(score("surp", Inputs(trace))) == pytest.approx(-8, abs=TO)
    # tau = 3: both, mean -6
    assert only(score("surp", Inputs(trace), tau=3.0)) == pytest.approx(-6, abs=TO)
    # tau = 1: none
    assert score("surp", Inputs(trace), tau=1.0).reasons == ["no_surprising_tokens"]


def test_surp_takes_ties_at_the_edge() -> None:
    # k = 0.4 of 5: the second smallest is -4, twice: -8, -4, -4, mean -16/3
    trace = trace_of([[-1, -8, -4, -4, -2]], entropy=[[0, 0, 0, 0, 0]])
    assert only(score("surp", Inputs(trace))) == pytest.approx(-16 / 3, abs=TO)


def test_gap_k() -> None:
    # d = (l - top1) / sigma: (-3+1)/2 = -1, (-1+1)/1 = 0, (-6+2)/1 = -4, (-2+1)/0.5 = -2
    # w = 3: (-1+0-4)/3 = -5/3, (0-4-2)/3 = -2; k = 0.5 of 2: the smallest, -2
    trace = trace_of([[-3, -1, -6, -2]], top1=[[-1, -1, -2, -1]], variance=[[4, 1, 1, 0.25]])
    assert only(score("gap_k", Inputs(trace), k=0.5)) == pytest.approx(-2, abs=TO)
    # w = 1, k = 0.5 of 4: -4 and -2
    assert only(score("gap_k", Inputs(trace), k=0.5, w=1)) == pytest.approx(-3, abs=TO)
    # w = 9 is longer than the text: one window, (-1+0-4-2)/4
    assert only(score("gap_k", Inputs(trace), w=9)) == pytest.approx(-1.75, abs=TO)


def test_rank() -> None:
    # ranks 1, 2, 4: -(0 + ln 2 + ln 4) / 3 = -ln 2
    trace = trace_of([[-1, -1, -1]], rank=[[0, 1, 3]])
    assert only(score("rank", Inputs(trace))) == pytest.approx(-math.log(2), abs=TO)
    # minus the mean of 1, 2 and 4
    assert only(score("rank", Inputs(trace), scale="linear")) == pytest.approx(-7 / 3, abs=TO)


def test_lowercase() -> None:
    # -3 / -2
    plain, lowered = trace_of([[-1, -3], [-1, -3]]), trace_of([[-3, -3], [-1, -3]])
    inputs = Inputs(plain, lowercase=lowered, unchanged=np.array([False, True]))
    found = score("lowercase", inputs)
    assert found.values[0] == pytest.approx(1.5, abs=TO)
    assert found.reasons == [None, "lowercase_equal"]


def test_reference() -> None:
    # -2 - (-3) = 1 a token; a byte: -4/8 - (-9/8) = 0.625
    inputs = Inputs(trace_of([[-1, -3]]), reference=trace_of([[-3, -3, -3]]), utf8_bytes=np.array([8]))
    assert only(score("reference", inputs)) == pytest.approx(1, abs=TO)
    assert only(score("reference", inputs, per="byte")) == pytest.approx(0.625, abs=TO)


def test_recall() -> None:
    # -2.5 / -2
    inputs = Inputs(trace_of([[-1, -3]]), prefixed={"non_member": trace_of([[-2, -3]])})
    assert only(score("recall", inputs)) == pytest.approx(1.25, abs=TO)


def test_con_recall() -> None:
    # (-2.5 - 0.5 * -1) / -2 = 1
    shots = {"non_member": trace_of([[-2, -3]]), "member": trace_of([[-1, -1]])}
    assert only(score("con_recall", Inputs(trace_of([[-1, -3]]), prefixed=shots))) == pytest.approx(1, abs=TO)


def test_pac() -> None:
    # n = 10: far 0.05 gives one token, local 0.3 three.
    # PD(x) = -0 - mean(-9, -8, -7) = 8; PD(x_1) = -1 - (-3) = 2, PD(x_2) = -2 - (-6) = 4; -(8 - 3) = -5
    plain = trace_of([[-9, -8, -7, -6, -5, -4, -3, -2, -1, 0]])
    first = trace_of([[-1, -3, -3, -3, -2, -2, -2, -2, -2, -2]])
    second = trace_of([[-2, -6, -6, -6, -2, -2, -2, -2, -2, -2]], token_ids=[range(10, 20)])
    assert only(score("pac", Inputs(plain, perturbed=[first, second]))) == pytest.approx(-5, abs=TO)
    # a text that no swap changed says nothing
    assert score("pac", Inputs(plain, perturbed=[plain])).reasons == ["perturbation_equal"]


def test_verbatim() -> None:
    # truth 1 2 3 4; said 1 2 9 4: prefix 1 2 of 4; said 9 2 3 4: prefix 0, substring 2 3 4
    inputs = Inputs(
        continued=TokenBatch.of([[1, 2, 9, 4], [9, 2, 3, 4], []]),
        truth=TokenBatch.of([[1, 2, 3, 4], [1, 2, 3, 4], [1]]),
    )
    prefix = score("verbatim", inputs)
    assert prefix.values[:2].tolist() == [0.5, 0]
    assert prefix.reasons == [None, None, "no_continuation"]
    assert score("verbatim", inputs, measure="substring").values[:2].tolist() == [0.5, 0.75]


TEN = trace_of([[math.log(0.5), math.log(0.001), math.log(0.2)]], token_ids=[[3, 1, 3]])
"""p = 0.5, 0.001, 0.2 for the tokens 3, 1, 3 under a vocabulary of 5 with the counts 0, 4, 1, 2, 0: N' = 7."""
COUNTS = [0, 4, 1, 2, 0]


def test_dc_pdd_of_the_paper() -> None:
    # f(3) = (2 + 1) / (7 + 5) = 0.25, f(1) = 5 / 12; the second 3 is not a first occurrence.
    # -0.5 ln 0.25 = 0.69315 > a = 0.01: 0.01; -0.001 ln(5/12) = 0.00087547; mean of the two
    found = score("dc_pdd", Inputs(TEN, frequency=table_of(COUNTS), vocabulary_size=5))
    low = np.exp(np.float64(np.float32(math.log(0.001)))) * math.log(12 / 5)
    assert low == pytest.approx(0.00087546874, abs=TO)
    assert only(found) == pytest.approx((0.01 + low) / 2, abs=TO)
    assert found.details["share"][0] == pytest.approx((1 + low / 0.01) / 2, abs=TO)
    assert found.details["first_occurrences"][0] == 2
    assert found.details["unseen_fraction"][0] == 0


def test_dc_pdd_smooths_with_the_size_of_the_output_layer() -> None:
    # |V| = 8 (padded): f(3) = 3 / 15, f(1) = 5 / 15; a = 10: nothing is capped
    inputs = Inputs(TEN, frequency=table_of(COUNTS), vocabulary_size=8)
    p = np.exp(TEN.logprob_T.astype(np.float64))
    expected = (p[0] * math.log(5) + p[1] * math.log(3)) / 2
    assert only(score("dc_pdd", inputs, a=10)) == pytest.approx(expected, abs=TO)


def test_dc_pdd_of_an_unseen_token() -> None:
    # f = 1 / (7 + 5); -0.001 ln(1/12)
    trace = trace_of([[math.log(0.001)]], token_ids=[[4]])
    found = score("dc_pdd", Inputs(trace, frequency=table_of(COUNTS), vocabulary_size=5))
    p = float(np.exp(np.float64(trace.logprob_T[0])))
    assert only(found) == pytest.approx(p * math.log(12), abs=TO)
    assert found.details["unseen_fraction"][0] == 1


def test_dc_pdd_as_the_release_scores() -> None:
    # raw counts; the first token (0) is unscored. Counts of 4, 2, 1 in turn: 0 -> a, 1 -> 0, 2 -> -0.25 ln 2
    trace = trace_of(
        [[math.log(0.5), math.log(0.5), math.log(0.5), math.log(0.25)]], token_ids=[[0, 4, 2, 3]]
    )
    inputs = Inputs(trace, frequency=table_of(COUNTS), vocabulary_size=5)
    quarter = float(np.exp(np.float64(trace.logprob_T[3])))
    expected = (0.01 + 0 - quarter * math.log(2)) / 3
    assert only(score("dc_pdd", inputs, mode="official-score")) == pytest.approx(expected, abs=TO)
    # with a tokenizer that puts a start token itself every text token is scored: one more a
    kept = score("dc_pdd", inputs, mode="official-score", drop_first=False)
    assert only(kept) == pytest.approx((0.02 - quarter * math.log(2)) / 4, abs=TO)


def test_dc_pdd_as_released_takes_a_repeat_of_the_unscored_first_token_as_first() -> None:
    # tokens 3, 1, 3: the first 3 is unscored, the second counts: -0.2 ln 2 and -0.001 ln 4
    p = np.exp(TEN.logprob_T.astype(np.float64))
    found = score("dc_pdd", Inputs(TEN, frequency=table_of(COUNTS), vocabulary_size=5), mode="official-score")
    assert only(found) == pytest.approx(-(p[2] * math.log(2) + p[1] * math.log(4)) / 2, abs=TO)


def test_every_method_has_a_golden_vector() -> None:
    named = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    elsewhere = {"min_k_plus_plus_top"}
    assert {m.name for m in METHODS} - elsewhere <= named | {"dc_pdd"}


def test_an_unknown_method_or_parameter_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'min_k'"):
        method("mink")
    with pytest.raises(ConfigError, match="no parameter 'K'"):
        resolve_params(method("min_k"), {"K": 0.1})
    with pytest.raises(ConfigError, match=r"k=1\.5 is not a share"):
        score("min_k", Inputs(trace_of([[-1]])), k=1.5)


def test_a_missing_statistic_is_named() -> None:
    with pytest.raises(ConfigError, match="'min_k_plus_plus' needs the entropy"):
        score("min_k_plus_plus", Inputs(trace_of([[-1]])))
    with pytest.raises(ConfigError, match="needs a trace"):
        score("loss", Inputs())


def test_an_infinite_logprob_is_a_reason_and_not_a_score() -> None:
    found = score("loss", rows_of(Inputs(trace_of([[-1], [-np.inf]], origin=ORIGIN)), [0, 1]))
    assert found.reasons == [None, "not_finite"]
    assert np.isnan(found.values[1])
