"""A lab model small enough to be trained for a test run, and what tests ask of it."""

from __future__ import annotations

from pathlib import Path

import torch

from detectors.lab.lab_texts import LabSizes
from detectors.lab.train import Lab, LabSettings, train_lab
from detectors.lab.training import ModelSize

__all__ = ["SMALL", "small_lab"]

SMALL = LabSettings(
    sizes=LabSizes({1: 40, 4: 20, 16: 20}, non_members=60, calibration=40, background=150),
    model=ModelSize(hidden=64, layers=2, inner=192, vocabulary=512, context=192, batch_rows=8, rate=4e-3),
    words=24,
)


def small_lab(folder: Path) -> Lab:
    """Train a lab in seconds; one thread, so that a busy machine does not slow it further."""
    torch.set_num_threads(1)
    return train_lab(folder, SMALL)
