"""A checkpoint gives a token the same numbers whatever stands beside it, and whenever memory runs out."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from datagov.errors import TargetError
from detectors.fingerprint.engine import ForcingEngine
from detectors.ragged import TokenBatch
from detectors.targets.precision import compute_in_fp64
from detectors.targets.target import TargetFacts
from detectors.targets.transformers_target import TransformersTarget
from detectors.trace import TOKEN_COLUMNS, TraceBatch

FP32_NATS = 1e-4


@pytest.fixture(scope="module")
def rows() -> TokenBatch:
    generator = np.random.default_rng(5)
    return TokenBatch.of(
        [generator.integers(700, size=size) for size in (1, 2, 3, 17, 64, 65, 200, 33, 0, 90)]
    )


@pytest.fixture(scope="module")
def whole(random_model: Any, facts: TargetFacts, rows: TokenBatch) -> TraceBatch:
    return TransformersTarget(random_model, None, facts).trace(rows)


def gap(one: TraceBatch, other: TraceBatch) -> float:
    assert np.array_equal(one.offsets, other.offsets)
    assert np.array_equal(one.token_ids_T, other.token_ids_T)
    names = [name for name in TOKEN_COLUMNS if name not in {"token_ids_T", "rank_T", "top_TK"}]
    return max(float(np.abs(getattr(one, name) - getattr(other, name)).max()) for name in names)


def test_the_trace_is_the_models_own_distribution(
    random_model: Any, rows: TokenBatch, whole: TraceBatch
) -> None:
    with torch.inference_mode():
        for index in range(len(rows)):
            ids = torch.from_numpy(rows.row(index).astype(np.int64))
            place = slice(whole.offsets[index], whole.offsets[index + 1])
            if len(ids) < 2:
                assert whole.offsets[index] == whole.offsets[index + 1]
                continue
            logs = random_model(input_ids=ids[None]).logits[0, :-1].double().log_softmax(-1)
            chosen = logs.gather(1, ids[1:, None])[:, 0]
            assert np.abs(whole.logprob_T[place] - chosen.numpy()).max() <= FP32_NATS
            assert np.abs(whole.entropy_T[place] + (logs.exp() * logs).sum(-1).numpy()).max() <= FP32_NATS


@pytest.mark.parametrize("layout", ["padded", "packed"])
@pytest.mark.parametrize("budget", [1, 130, 100_000])
def test_batch_and_layout_change_no_number(
    random_model: Any, facts: TargetFacts, rows: TokenBatch, whole: TraceBatch, layout: str, budget: int
) -> None:
    other = TransformersTarget(random_model, None, facts, layout=layout, batch_tokens=budget).trace(rows)
    assert gap(whole, other) <= FP32_NATS


def test_order_changes_no_number(
    random_model: Any, facts: TargetFacts, rows: TokenBatch, whole: TraceBatch
) -> None:
    order = np.random.default_rng(1).permutation(len(rows))
    shuffled = TransformersTarget(random_model, None, facts).trace(
        TokenBatch.of([rows.row(row) for row in order])
    )
    for place, row in enumerate(order):
        theirs = shuffled.logprob_T[shuffled.offsets[place] : shuffled.offsets[place + 1]]
        ours = whole.logprob_T[whole.offsets[row] : whole.offsets[row + 1]]
        assert np.abs(theirs - ours).max(initial=0.0) <= FP32_NATS


@contextmanager
def memory_for(model: Any, tokens: int) -> Iterator[list[int]]:
    """Let a model's forward pass fail, as a GPU's would, when it is given more tokens than there is memory for."""
    seen: list[int] = []

    def refuse(_module: Any, _args: Any, given: dict[str, Any]) -> None:
        size = given["input_ids"].numel()
        seen.append(size)
        if size > tokens:
            raise torch.OutOfMemoryError("CUDA out of memory")

    hook = model.get_decoder().register_forward_pre_hook(refuse, with_kwargs=True)
    try:
        yield seen
    finally:
        hook.remove()


def test_memory_that_runs_out_makes_batches_smaller(
    random_model: Any, facts: TargetFacts, rows: TokenBatch, whole: TraceBatch
) -> None:
    target = TransformersTarget(random_model, None, facts)
    with memory_for(random_model, 210) as seen:
        found = target.trace(rows)
    assert max(seen) > 210
    assert seen[-1] <= 210
    assert target.batch_tokens < 2048
    assert gap(whole, found) <= FP32_NATS


def test_a_row_that_does_not_fit_is_said(random_model: Any, facts: TargetFacts, rows: TokenBatch) -> None:
    target = TransformersTarget(random_model, None, facts)
    with (
        memory_for(random_model, 100),
        pytest.raises(TargetError, match="one window of 200 tokens does not fit"),
    ):
        target.trace(rows)


def test_ids_and_lengths_beyond_the_model_are_refused(random_model: Any, facts: TargetFacts) -> None:
    target = TransformersTarget(random_model, None, facts)
    with pytest.raises(TargetError, match="700 is outside its vocabulary of 700"):
        target.trace(TokenBatch.of([[1, 700]]))
    with pytest.raises(TargetError, match="300 tokens in a row, its context holds 256"):
        target.trace(TokenBatch.of([[1] * 300]))


@pytest.fixture(scope="module")
def double_model(random_model: Any) -> Any:
    """The random model as a checkpoint of fp64 is loaded."""
    return compute_in_fp64(copy.deepcopy(random_model).to(torch.float64))


@pytest.fixture(scope="module")
def double(double_model: Any, facts: TargetFacts, rows: TokenBatch) -> TraceBatch:
    return TransformersTarget(double_model, None, facts).trace(rows)


@pytest.mark.parametrize("layout", ["padded", "packed"])
@pytest.mark.parametrize("budget", [1, 130, 100_000])
def test_in_fp64_batch_layout_and_order_change_no_bit(
    double_model: Any, facts: TargetFacts, rows: TokenBatch, double: TraceBatch, layout: str, budget: int
) -> None:
    target = TransformersTarget(double_model, None, facts, layout=layout, batch_tokens=budget)
    assert target.head is not None
    assert target.capabilities.tolerance_nats == 0
    order = np.random.default_rng(budget).permutation(len(rows))
    shuffled = target.trace(TokenBatch.of([rows.row(row) for row in order])).by_text()
    for place, row in enumerate(order):
        theirs = slice(*shuffled.offsets[place : place + 2])
        ours = slice(*double.offsets[row : row + 2])
        for name in ("logprob_T", "entropy_T", "variance_T", "top1_T", "rank_T", "top1_id_T"):
            assert np.array_equal(getattr(shuffled, name)[theirs], getattr(double, name)[ours]), name


def test_fp64_is_fp64_from_end_to_end(
    double_model: Any, facts: TargetFacts, rows: TokenBatch, whole: TraceBatch, double: TraceBatch
) -> None:
    """Transformers' norms and rotations would go through fp32."""

    class Formats(TorchDispatchMode):
        def __init__(self) -> None:
            super().__init__()
            self.seen: set[torch.dtype] = set()

        def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
            found = func(*args, **(kwargs or {}))
            self.seen |= {part.dtype for part in tree_leaves(found) if isinstance(part, torch.Tensor)}
            return found

    target = TransformersTarget(double_model, None, facts)
    with Formats() as formats:
        target.trace(rows)
    assert torch.float64 in formats.seen
    assert not formats.seen & {torch.float32, torch.bfloat16, torch.float16}
    assert gap(whole, double) <= FP32_NATS


def test_fp64_forces_and_samples_as_it_traces(double_model: Any, facts: TargetFacts) -> None:
    target = TransformersTarget(double_model, None, facts)
    forced = target.force(TokenBatch.of([[1, 2, 3]]), 6)
    traced = target.trace(TokenBatch.of([[1, 2, 3, *forced.token_ids_NS[0]]]))
    assert np.array_equal(traced.logprob_T[2:], forced.logprob_NS[0])
    greedy = target.sample(np.zeros((1, 6)), top_k=1)
    started = target.force(TokenBatch.of([[0]]), 6).token_ids_NS[0]
    assert greedy.row(0).tolist() == started.tolist()
    paths = ForcingEngine(double_model, target.head, [0]).extend(np.arange(1, 9, dtype=np.int32), 5)
    again = target.force(TokenBatch.of([[0, seed] for seed in range(1, 9)]), 5)
    assert paths.token_NS.tolist() == again.token_ids_NS.tolist()
    assert np.array_equal(paths.logprob_NS, again.logprob_NS)


def test_half_precision_stores_what_it_costs(random_model: Any, facts: TargetFacts, rows: TokenBatch) -> None:
    half = TransformersTarget(copy.deepcopy(random_model).to(torch.bfloat16), None, facts)
    exact = TransformersTarget(random_model, None, facts)
    assert exact.capabilities.tolerance_nats <= FP32_NATS
    alone = TransformersTarget(half._model, None, facts, batch_tokens=1).trace(rows)
    assert gap(half.trace(rows), alone) <= max(20 * half.capabilities.tolerance_nats, 0.05)


def test_softened_logits_are_the_models_own(random_model: Any, facts: TargetFacts, rows: TokenBatch) -> None:
    """A model that changes its logits after the last layer is asked for them whole."""

    class Softened(type(random_model)):  # type: ignore[misc]
        def forward(self, *args: Any, **given: Any) -> Any:
            answer = super().forward(*args, **given)
            answer.logits = 5.0 * torch.tanh(answer.logits / 5.0)
            return answer

    model = copy.deepcopy(random_model)
    model.__class__ = Softened
    target = TransformersTarget(model, None, facts)
    ids = torch.from_numpy(rows.row(4).astype(np.int64))
    with torch.inference_mode():
        logs = model(input_ids=ids[None]).logits[0, :-1].double().log_softmax(-1)
    found = target.trace(TokenBatch.of([rows.row(4)]))
    assert np.abs(found.logprob_T - logs.gather(1, ids[1:, None])[:, 0].numpy()).max() <= FP32_NATS


def test_a_forced_continuation_is_what_its_trace_says(random_model: Any, facts: TargetFacts) -> None:
    target = TransformersTarget(random_model, None, facts)
    prefixes = [[1, 2, 3], [9, 8, 7], [4, 5]]
    forced = target.force(TokenBatch.of(prefixes), 6)
    traced = target.trace(TokenBatch.of([[*row, *forced.token_ids_NS[n]] for n, row in enumerate(prefixes)]))
    for index, row in enumerate(prefixes):
        tail = slice(traced.offsets[index] + len(row) - 1, traced.offsets[index + 1])
        assert np.abs(traced.logprob_T[tail] - forced.logprob_NS[index]).max() <= FP32_NATS
        assert (traced.rank_T[tail] == 0).all()
