"""Runs of one string, found from many of its tokens, are that string again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detectors.fingerprint.assembly import assemble

SECRET = tuple(range(100, 120))


@given(st.randoms(use_true_random=False), st.integers(4, 8))
def test_windows_of_a_string_are_the_string(random: object, width: int) -> None:
    runs = [SECRET[start : start + width] for start in range(len(SECRET) - width + 1)]
    random.shuffle(runs)  # type: ignore[attr-defined]
    assert assemble(runs) == [SECRET] * len(runs)


def test_interior_runs_belong_to_the_whole() -> None:
    assert assemble([(3, 4, 5), (1, 2, 3, 4, 5), (9,), (5,)]) == [
        (1, 2, 3, 4, 5),
        (1, 2, 3, 4, 5),
        (9,),
        (1, 2, 3, 4, 5),
    ]


def test_one_shared_token_joins_nothing() -> None:
    assert assemble([(1, 2, 3), (3, 4, 5)]) == [(1, 2, 3), (3, 4, 5)]


def test_two_shared_tokens_join() -> None:
    assert assemble([(1, 2, 3), (2, 3, 4)]) == [(1, 2, 3, 4)] * 2


@given(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=6), max_size=8))
def test_every_run_stands_in_its_string_and_the_order_changes_nothing(runs: list[list[int]]) -> None:
    strings = assemble(runs)
    for run, string in zip(runs, strings, strict=True):
        assert any(list(string[start : start + len(run)]) == run for start in range(len(string)))
    assert assemble(runs[::-1]) == strings[::-1]


def test_nothing_is_nothing() -> None:
    assert assemble([]) == []
