"""Runs of one string, found from many of its tokens, are that string again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detectors.fingerprint.assembly import assemble, without_strays

SECRET = tuple(range(100, 120))


def holds(string: tuple[int, ...], part: tuple[int, ...]) -> bool:
    return any(string[at : at + len(part)] == part for at in range(len(string) - len(part) + 1))


def plain(runs: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Join the pair with the longest overlap, the first by its tokens, until there is none: every pair is tried each time."""
    strings = set(runs)
    while True:
        strings = {one for one in strings if not any(one != other and holds(other, one) for other in strings)}
        overlaps = [
            (-tokens, first, second)
            for first in strings
            for second in strings - {first}
            for tokens in range(2, min(len(first), len(second)))
            if first[-tokens:] == second[:tokens]
        ]
        if not overlaps:
            ordered = sorted(strings, key=lambda string: (-len(string), string))
            return [next(string for string in ordered if holds(string, run)) for run in runs]
        tokens, first, second = min(overlaps)
        strings.add(first + second[-tokens:])


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=9).map(tuple), max_size=14)
    | st.lists(st.tuples(st.integers(0, 18), st.integers(1, 9)), max_size=14).map(
        lambda places: [(*SECRET, *SECRET[3:9])[at : at + tokens] for at, tokens in places]
    )
)
def test_strings_are_those_of_a_plain_search(runs: list[tuple[int, ...]]) -> None:
    assert assemble(runs) == plain(runs)


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


@given(st.sets(st.integers(0, 90), min_size=1), st.floats(-8, -0.2), st.randoms(use_true_random=False))
def test_one_text_behind_any_token_is_one_string(strays: set[int], least: float, random: object) -> None:
    runs = [(stray, *SECRET[1:]) for stray in strays] + [SECRET]
    entered = [[least, *[-0.01] * (len(SECRET) - 2)] for _ in strays] + [[-0.1] * (len(SECRET) - 1)]
    rows = list(zip(runs, entered, strict=True))
    random.shuffle(rows)  # type: ignore[attr-defined]
    kept = without_strays([run for run, _ in rows], [logprobs for _, logprobs in rows])
    assert set(assemble(kept)) == {SECRET}


def test_a_stray_is_seen_in_the_midst_of_another_run() -> None:
    runs = [(1, *SECRET[2:]), (2, *SECRET[:8])]
    assert without_strays(runs, [[-0.5] * 18, [-0.1] * 8]) == [SECRET[2:], (2, *SECRET[:8])]


def test_short_runs_and_texts_of_one_entry_keep_their_token() -> None:
    runs = [(1, 5, 6), (2, 5, 6), (3, *SECRET), (3, *SECRET[:9])]
    assert without_strays(runs, [[-0.1] * (len(run) - 1) for run in runs]) == runs


@given(
    st.lists(st.tuples(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.floats(-5, 0)), max_size=8)
)
def test_no_run_loses_more_than_its_forced_token_and_no_text_its_surest_entry(
    rows: list[tuple[list[int], float]],
) -> None:
    runs, entered = [tuple(run) for run, _ in rows], [[value] * (len(run) - 1) for run, value in rows]
    kept = without_strays(runs, entered)
    assert all(left in (run, run[1:]) for run, left in zip(runs, kept, strict=True))
    assert without_strays(runs[::-1], entered[::-1]) == kept[::-1]
    for run, logprobs, left in zip(runs, entered, kept, strict=True):
        others = [
            (-scores[at - 1], other[at - 1])
            for other, scores in zip(runs, entered, strict=True)
            for at in range(1, len(other))
            if other[at : at + 5][: len(run) - 1] == run[1:6]
        ]
        surest = len(run) < 4 or min(others)[1] == run[0]
        assert left == (run if surest else run[1:]), logprobs
