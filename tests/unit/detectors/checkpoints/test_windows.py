"""Texts are cut into windows as a plain loop would cut them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagov.errors import ConfigError
from detectors.ragged import TokenBatch
from detectors.targets.windows import WindowPlan, cut_windows

TEXTS = st.lists(st.lists(st.integers(2, 99), max_size=12), max_size=6)


def plain_windows(texts: list[list[int]], plan: WindowPlan) -> list[tuple[int, list[int]]]:
    found = []
    for index, text in enumerate(texts):
        pieces = [
            text[start : start + plan.window_tokens] for start in range(0, len(text), plan.window_tokens)
        ]
        kept = pieces[:1] if plan.policy == "first" else pieces
        found += [(index, [*plan.lead, *piece]) for piece in kept if len(plan.lead) + len(piece) > 1]
    return found


@given(
    TEXTS,
    st.integers(1, 5),
    st.sampled_from(["first", "disjoint"]),
    st.sampled_from([None, 0]),
    st.sampled_from([(), (7, 8)]),
)
def test_windows_are_those_of_a_plain_loop(
    texts: list[list[int]], size: int, policy: str, start: int | None, prefix: tuple[int, ...]
) -> None:
    plan = WindowPlan(size, policy, start, prefix)
    windows = cut_windows(TokenBatch.of(texts), plan)
    rows = [(int(text), windows.rows.row(row).tolist()) for row, text in enumerate(windows.text_W)]
    assert rows == plain_windows(texts, plan)
    assert windows.texts == len(texts)


def test_an_empty_text_and_a_lone_token_without_a_start_token_have_no_window() -> None:
    windows = cut_windows(TokenBatch.of([[], [5], [5, 6]]), WindowPlan(8, "disjoint", None))
    assert windows.text_W.tolist() == [2]
    assert np.array_equal(windows.rows.row(0), [5, 6])


def test_windows_longer_than_the_context_are_refused(lab_target: object) -> None:
    from detectors.targets.windows import plan_windows

    with pytest.raises(ConfigError, match="at most 191 text tokens"):
        plan_windows(lab_target, window_tokens=500)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="nothing would be scored"):
        plan_windows(lab_target, window_tokens=0)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="Did you mean 'disjoint'"):
        plan_windows(lab_target, policy="disjunct")  # type: ignore[arg-type]
