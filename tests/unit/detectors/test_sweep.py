"""A sweep says what each setting gives, and what choosing the best is worth elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from datagov.errors import ConfigError, InputError
from detectors.assessment.sweep import grid_of, sweep
from detectors.membership import method
from detectors.membership.method import Inputs
from detectors.ragged import offsets_of
from detectors.trace import TraceBatch, TraceOrigin

MIN_K = method("min_k")


def inputs_of(shift: float, count: int = 120, length: int = 50) -> Inputs:
    """Random log-probabilities; the least probable tokens of members are likelier by `shift`."""
    generator = np.random.default_rng(1)
    logprobs = -generator.exponential(3.0, (count, length))
    logprobs[: count // 2] = np.where(
        logprobs[: count // 2] < -5, logprobs[: count // 2] + shift, logprobs[: count // 2]
    )
    return Inputs(
        TraceBatch(
            origin=TraceOrigin("m", "t", "e", "float32", 0, 512, "first"),
            text_W=np.arange(count),
            texts=count,
            offsets=offsets_of([length] * count),
            token_ids_T=np.zeros(count * length, np.int32),
            logprob_T=logprobs.astype(np.float32).ravel(),
        )
    )


LABELS = (np.arange(120) < 60).astype(float)


def test_each_setting_has_its_auroc() -> None:
    settings = grid_of(MIN_K, {"k": [0.1, 0.2, 1]})
    found = sweep(MIN_K, inputs_of(2.0), settings, LABELS)
    assert [record["params"]["k"] for record in found["settings"]] == [0.1, 0.2, 1]
    assert found["best"]["auroc"]["value"] == max(record["auroc"]["value"] for record in found["settings"])
    assert found["best"]["auroc"]["value"] > 0.8
    assert found["best_elsewhere"] > 0.75


def test_the_best_of_many_settings_of_noise_is_worth_nothing_elsewhere() -> None:
    settings = grid_of(MIN_K, {"k": [n / 50 for n in range(1, 51)]})
    labels = np.random.default_rng(3).permutation(LABELS)
    found = sweep(MIN_K, inputs_of(0.0), settings, labels)
    assert found["best"]["auroc"]["value"] > found["best_elsewhere"] - 0.02
    assert abs(found["best_elsewhere"] - 0.5) < 0.12


def test_a_grid_is_of_the_methods_parameters() -> None:
    assert len(grid_of(method("gap_k"), {"k": [0.1, 0.2], "w": [1, 3, 5]})) == 6
    with pytest.raises(ConfigError, match="no parameter 'q'"):
        grid_of(MIN_K, {"q": [1]})
    with pytest.raises(ConfigError, match="at most 1000"):
        grid_of(MIN_K, {"k": [0.1] * 1001})


def test_labels_of_one_kind_are_too_few() -> None:
    with pytest.raises(InputError, match="120 members and 0 non-members"):
        sweep(MIN_K, inputs_of(0.0), grid_of(MIN_K, {}), np.ones(120))
