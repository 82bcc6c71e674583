"""Five statistics against the definitions in float64, chunk by chunk and row by row."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.targets.batching import batches
from detectors.targets.cpu_statistics import row_statistics
from detectors.targets.token_statistics import TokenStatistics, plain_statistics, token_statistics


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


@settings(max_examples=examples(60))
@given(
    rows=st.integers(0, 5),
    vocabulary=st.sampled_from([1, 2, 7, 31, 1023, 1025, 2600]),
    spread=st.sampled_from([0.0, 1e-3, 3.0, 200.0]),
    shift=st.sampled_from([0.0, -400.0, 3e4]),
    gone=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_one_pass_over_a_row_says_what_the_plain_operations_say(
    *, rows: int, vocabulary: int, spread: float, shift: float, gone: bool, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn((rows, vocabulary), generator=generator) * spread + shift
    if gone:
        logits[:, 1:][torch.rand((rows, vocabulary - 1), generator=generator) < 0.3] = -float("inf")
    token = torch.randint(vocabulary, (rows,), generator=generator)
    found = row_statistics(logits, token)
    assert found is not None
    expected = plain_statistics(logits.double(), token)
    for name, ours, theirs in zip(TokenStatistics._fields, found, expected, strict=True):
        if ours.dtype == torch.int32:
            assert torch.equal(ours, theirs), name
        else:
            # Distances to the top are in fp32; squared they are up to the square of the spread.
            scale = theirs.abs().clamp(1.0, 1e6) * (1 + spread if name == "variance" else 1)
            near = (ours.double() - theirs).abs() <= 3e-6 * scale
            assert bool((near | (ours == theirs)).all()), name


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_what_is_no_number_is_left_to_the_plain_operations(odd: float) -> None:
    logits = torch.zeros((3, 40))
    logits[1, 7] = odd
    assert row_statistics(logits, torch.tensor([1, 2, 3])) is None
    assert row_statistics(torch.full((1, 5), -float("inf")), torch.tensor([1])) is None
    found = token_statistics(logits.clone(), torch.tensor([1, 2, 3]))
    expected = plain_statistics(logits.clone(), torch.tensor([1, 2, 3]))
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.equal(ours.isnan(), theirs.isnan())
    assert float(found.logprob[0]) == float(expected.logprob[0])


def test_threads_and_neighbours_change_no_bit() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn((300, 9000), generator=generator) * 4
    token = torch.randint(9000, (300,), generator=generator)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        shared = row_statistics(logits, token)
        torch.set_num_threads(1)
        whole = row_statistics(logits, token)
        wide = torch.cat([logits, logits], 1)
        cut = row_statistics(wide[:, :9000], token)
    finally:
        torch.set_num_threads(before)
    assert shared is not None
    assert whole is not None
    assert cut is not None
    for one, other, third in zip(shared, whole, cut, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one, third)
    for row in (0, 150, 299):
        alone = row_statistics(logits[row : row + 1], token[row : row + 1])
        assert alone is not None
        assert all(float(part[0]) == float(every[row]) for part, every in zip(alone, whole, strict=True))
