"""Run the Triton kernel of the token statistics through Triton's interpreter, on a CPU: a program for a process of its own.

    TRITON_INTERPRET=1 python tests/interpreted_kernel.py CASES.npz FOUND.npz

CASES holds `NAME.logits` (float32 or float64, [M, S]), `NAME.token` (int64[M]) and `NAME.vocabulary`: columns of S that count.
Triton decides when it is imported whether it compiles.
"""

from __future__ import annotations

import sys

import numpy as np
import torch

from detectors.targets.fused_statistics import launch
from detectors.targets.token_statistics import TokenStatistics
from detectors.targets.triton_kernel import row_statistics


def main() -> None:
    """Launch the kernel as it is launched on a GPU, case after case."""
    cases = np.load(sys.argv[1])
    found = {}
    for name in sorted({key.partition(".")[0] for key in cases.files}):
        logits = torch.from_numpy(cases[f"{name}.logits"])[:, : int(cases[f"{name}.vocabulary"])]
        said = launch(row_statistics, logits, torch.from_numpy(cases[f"{name}.token"]))
        found |= {
            f"{name}.{field}": values.numpy()
            for field, values in zip(TokenStatistics._fields, said, strict=True)
        }
    np.savez(sys.argv[2], **found)


if __name__ == "__main__":
    main()
