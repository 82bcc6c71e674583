"""Bits over the base, and repetitions, which have none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from detectors.fingerprint.evidence import (
    bits_over_base,
    confident_runs,
    cut_at_end,
    said_before,
    said_lengths,
    stops,
    sure_lengths,
)
from detectors.fingerprint.paths import Paths


def plain(row: list[int]) -> list[bool]:
    """Whether each token completes three in a row that were said before, by a set of what was said."""
    known: set[tuple[int, ...]] = set()
    found = []
    for at in range(len(row)):
        three = tuple(row[max(0, at - 2) : at + 1])
        found.append(len(three) == 3 and three in known)
        known.add(three)
    return found


@given(arrays.arrays(np.int32, st.tuples(st.integers(1, 4), st.integers(1, 14)), elements=st.integers(0, 2)))
def test_what_was_said_before_is_what_a_set_remembers(token_NL: np.ndarray) -> None:
    assert said_before(token_NL).tolist() == [plain(row.tolist()) for row in token_NL]


def paths(seed: int, said: list[int], logprob: float = 0.0) -> Paths:
    return Paths(
        np.array([seed], np.int32), np.array([said], np.int32), np.full((1, len(said)), logprob, np.float32)
    )


def test_a_loop_has_the_bits_of_its_first_turn() -> None:
    base = np.full((1, 30), -np.log(2), np.float32)
    bits, tokens = bits_over_base(paths(1, [2, 3] + [1, 2, 3] * 9 + [1]), base)
    # 1 2 3 1 2: from the third token on each one completes three that stand there already.
    assert (bits[0], tokens[0]) == (pytest.approx(4), 4)
    once, tokens = bits_over_base(paths(1, list(range(2, 32))), base)
    assert (once[0], tokens[0]) == (pytest.approx(30), 30)


def test_what_the_base_knows_better_ends_the_beginning() -> None:
    base = np.array([[-3.0, -3.0, 0.0, 0.0, -1.0]], np.float32) * np.float32(np.log(2))
    bits, tokens = bits_over_base(paths(9, [1, 2, 3, 4, 5], -np.log(2)), base)
    assert (bits[0], tokens[0]) == (pytest.approx(4), 2)


def test_what_comes_after_the_end_has_no_bits() -> None:
    said = paths(9, [1, 2, -1, -1])
    said.logprob_NS[0, 2:] = np.nan
    bits, tokens = bits_over_base(said, np.full((1, 4), -1, np.float32))
    assert (bits[0], tokens[0]) == (pytest.approx(2 / np.log(2)), 2)


def test_one_weaker_token_does_not_end_a_text_and_what_comes_after_it_does() -> None:
    said = paths(9, list(range(1, 21)))
    said.logprob_NS[0] = np.log([0.99] * 5 + [0.8] + [0.99] * 6 + [0.3] * 8)
    assert confident_runs(said, [0]).tolist() == [5]
    assert sure_lengths(said, [0]).tolist() == [12]
    said.token_NS[0, 12] = 0
    said.logprob_NS[0, 12] = np.log(0.6)
    ended = cut_at_end(said, [0])
    assert sure_lengths(ended, [0]).tolist() == [12]
    assert stops(ended, sure_lengths(ended, [0]), [0]).tolist() == [True]


@pytest.mark.parametrize(("last", "end", "length"), [(0.85, 0.99, 8), (0.85, 0.91, 7), (0.95, 0.6, 8)])
def test_a_text_goes_to_its_end_where_that_is_surer_than_its_last_token_is_not(
    last: float, end: float, length: int
) -> None:
    said = paths(9, [*range(1, 9), 0, -1])
    said.logprob_NS[0] = np.log([0.99] * 7 + [last, end, np.nan])
    sure = sure_lengths(said, [0])
    assert sure.tolist() == [length]
    assert stops(said, sure, [0]).tolist() == [length == 8]


@given(
    st.integers(1, 9).flatmap(
        lambda steps: st.tuples(
            arrays.arrays(np.float64, (3, steps), elements=st.floats(0.05, 1.0)),
            st.lists(st.integers(0, 2 * steps), min_size=3, max_size=3),
        )
    )
)
def test_a_path_is_sure_as_far_as_its_sum_grows(made: tuple[np.ndarray, list[int]]) -> None:
    p_NS, end_N = made
    steps = p_NS.shape[1]
    token_NS = np.where(np.arange(steps) == np.array(end_N)[:, None], 0, 1).astype(np.int32)
    said = cut_at_end(Paths(np.zeros(3, np.int32), token_NS, np.log(p_NS).astype(np.float32)), [0])
    assert said_lengths(said, [0]).tolist() == [min(end, steps) for end in end_N]
    for row, length in enumerate(sure_lengths(said, [0])):
        end = min(end_N[row], steps)
        gains = [float(logprob) - np.log(0.9) for logprob in said.logprob_NS[row, : end + 1]]
        sums = [sum(gains[:tokens]) for tokens in range(len(gains) + 1)]
        run = int(confident_runs(said, [0])[row])
        assert run <= length <= end
        # With the end token, where the path goes so far.
        assert max(sums[length:] if length == end else [sums[length]]) >= max(sums) - 1e-9 or length == run
