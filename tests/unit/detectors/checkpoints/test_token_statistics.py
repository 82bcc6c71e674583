"""Five statistics against the definitions in float64, chunk by chunk and row by row."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.targets.batching import batches
from detectors.targets.token_statistics import token_statistics


@pytest.mark.parametrize("spread", [0.01, 1.0, 30.0])
def test_the_statistics_are_those_of_the_definitions(spread: float) -> None:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn((40, 901), generator=generator) * spread + 100.0
    token = torch.randint(901, (40,), generator=generator)
    found = token_statistics(logits.clone(), token)
    logs = logits.double().log_softmax(-1)
    probs = logs.exp()
    chosen = logs.gather(1, token[:, None])
    entropy = -(probs * logs).sum(-1)
    expected = {
        "logprob": chosen[:, 0],
        "entropy": entropy,
        "variance": (probs * (logs + entropy[:, None]).square()).sum(-1),
        "top1": logs.amax(-1),
        "rank": (logs > chosen).sum(-1),
        "top1_id": logs.argmax(-1),
    }
    for name, values in expected.items():
        scale = max(float(values.abs().max()), 1.0)
        assert float((getattr(found, name).double() - values).abs().max()) <= 2e-6 * scale, name


def test_a_certain_token_has_no_entropy_and_no_variance() -> None:
    logits = torch.full((1, 50), -200.0)
    logits[0, 7] = 200.0
    found = token_statistics(logits, torch.tensor([7]))
    assert [float(values) for values in found] == [0.0, 0.0, 0.0, 0.0, 0.0, 7.0]


def test_of_equal_largest_logits_the_first_is_named_and_rows_do_not_depend_on_their_slice() -> None:
    logits = torch.zeros((5, 1 << 17))  # two rows a slice
    logits[:, [900, 70_000]] = 3.0
    token = torch.tensor([0, 900, 70_000, 5, 1])
    found = token_statistics(logits.clone(), token)
    assert found.top1_id.tolist() == [900] * 5
    assert found.rank.tolist() == [2, 0, 0, 2, 2]
    for row in range(5):
        alone = token_statistics(logits[row : row + 1].clone(), token[row : row + 1])
        assert [float(part[0]) for part in alone] == [float(part[row]) for part in found]


@settings(max_examples=examples(60))
@given(st.lists(st.integers(1, 40), max_size=30), st.integers(1, 90), st.booleans())
def test_batches_hold_every_row_once_within_the_budget(lengths: list[int], budget: int, packed: bool) -> None:
    sizes = np.array(lengths, dtype=np.int64)
    found = list(batches(sizes, budget, packed=packed))
    assert sorted(row for rows in found for row in rows.tolist()) == list(range(len(lengths)))
    for rows in found:
        used = int(sizes[rows].sum()) if packed else len(rows) * int(sizes[rows].max())
        assert used <= budget or len(rows) == 1
