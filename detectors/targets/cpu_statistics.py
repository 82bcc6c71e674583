"""The token statistics of a CPU: a row of logits is read from memory once, and its numbers are made while it lies in the cache.

With torch's operations the six numbers take about fifteen passes over the logits.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from datagov.text.kernel import kernel, sum_kernel

__all__ = ["row_statistics"]

LEAST: Final = np.float32(-87.0)
"""Logits further than this below the top have a probability of 0 in fp32."""
FURTHEST: Final = np.float32(-1e9)
"""Logits further than this below the top, minus infinity too, count as so far: 0 times minus infinity is NaN."""
BLOCK: Final = 1024
"""Numbers summed in fp32, which the compiler does in parallel; the sums of blocks are added in fp64."""
SHARE: Final = 1 << 19
"""Logits that are worth a thread."""
PER_LN2: Final = np.float32(1 / math.log(2))
LN2_HIGH: Final = np.float32(0.693359375)
"""ln 2 with 9 bits, which times a whole number below 2^15 is exact; the rest below."""
LN2_LOW: Final = np.float32(math.log(2) - 0.693359375)
T2, T3, T4, T5, T6, T7 = (np.float32(1 / math.factorial(power)) for power in range(2, 8))
"""Taylor's series of e^r; for |r| <= ln(2) / 2 the first power left out is below 6e-9."""
ONE, HALF, ZERO = np.float32(1), np.float32(0.5), np.float32(0)
BIAS, MANTISSA = np.int32(127), np.int32(23)


def row_statistics(logits_MV: torch.Tensor, token_M: torch.Tensor) -> tuple[torch.Tensor, ...] | None:
    """Return logprob, entropy, variance and top1 (float32), rank and top1_id (int32), of shape (M,) each.

    None if a number is NaN or a row has no finite largest logit: what they then are is for the plain operations to say.

    Parameters
    ----------
    logits_MV : float32[M, V]
        Only read.
    token_M : int64[M]
    """
    logits, token = logits_MV.contiguous().numpy(), token_M.numpy()
    top = logits_MV.amax(1).numpy()
    rows = len(token)
    floats_4M, integers_2M = np.empty((4, rows), np.float32), np.empty((2, rows), np.int32)

    def share(start: int, stop: int) -> bool:
        own = slice(start, stop)
        return _rows(logits[own], token[own], top[own], floats_4M[:, own], integers_2M[:, own])

    threads = min(torch.get_num_threads(), logits.size // SHARE)
    if threads > 1:
        bounds = [rows * part // threads for part in range(threads + 1)]
        with ThreadPoolExecutor(threads) as pool:
            finite = all(pool.map(share, bounds[:-1], bounds[1:]))
    else:
        finite = share(0, rows)
    return (*torch.from_numpy(floats_4M), *torch.from_numpy(integers_2M)) if finite else None


@kernel
def _rows(
    logits: npt.NDArray[np.float32],
    token: npt.NDArray[np.int64],
    tops: npt.NDArray[np.float32],
    floats: npt.NDArray[np.float32],
    integers: npt.NDArray[np.int32],
) -> bool:
    """Fill in the numbers of all rows; return whether all have some."""
    weight = np.empty(logits.shape[1], np.float32)
    for m in range(logits.shape[0]):
        row = logits[m]
        chosen = row[token[m]]
        top = tops[m]
        _weigh(row, top, weight)
        total, moment = _moments(row, weight, top)
        if not total >= 1.0:
            return False
        mean = moment / total
        log_total = math.log(total)
        floats[0, m] = np.float32(chosen - top) - log_total
        floats[1, m] = max(log_total - mean, 0.0)
        floats[2, m] = _spread(row, weight, top, np.float32(mean)) / total
        floats[3, m] = -log_total
        integers[0, m] = _above(row, chosen)
        first = 0
        while row[first] != top:
            first += 1
        integers[1, m] = first
    return True


@sum_kernel
def _above(row: npt.NDArray[np.float32], chosen: np.float32) -> float:
    """Return how many are larger. Counting in floats is several times faster, and exact below 2^24."""
    count = 0.0
    for start in range(0, row.size, BLOCK):
        more = ZERO
        for place in range(start, min(start + BLOCK, row.size)):
            more += ONE if row[place] > chosen else ZERO
        count += float(more)
    return count


@kernel
def _weigh(row: npt.NDArray[np.float32], top: np.float32, weight: npt.NDArray[np.float32]) -> None:
    """Fill in e^(x - top): 2^k times Taylor's series of the rest."""
    for place in range(row.size):
        below = row[place] - top
        k = np.floor(below * PER_LN2 + HALF)
        r = (below - k * LN2_HIGH) - k * LN2_LOW
        series = ((((((T7 * r + T6) * r + T5) * r + T4) * r + T3) * r + T2) * r + ONE) * r + ONE
        power = np.int32((np.int32(k) + BIAS) << MANTISSA).view(np.float32)
        weight[place] = ZERO if below <= LEAST else series * power


@sum_kernel
def _moments(
    row: npt.NDArray[np.float32], weight: npt.NDArray[np.float32], top: np.float32
) -> tuple[float, float]:
    """Return the sum of the weights, and of the weights times the distance to the top."""
    total, moment = 0.0, 0.0
    for start in range(0, row.size, BLOCK):
        some, moved = ZERO, ZERO
        for place in range(start, min(start + BLOCK, row.size)):
            some += weight[place]
            moved += weight[place] * max(row[place] - top, FURTHEST)
        total += float(some)
        moment += float(moved)
    return total, moment


@sum_kernel
def _spread(
    row: npt.NDArray[np.float32], weight: npt.NDArray[np.float32], top: np.float32, mean: np.float32
) -> float:
    """Return the sum of the weights times the squared distance to the mean.

    Centred before it is squared: the difference of two large moments would lose the small variances.
    """
    spread = 0.0
    for start in range(0, row.size, BLOCK):
        some = ZERO
        for place in range(start, min(start + BLOCK, row.size)):
            apart = max(row[place] - top, FURTHEST) - mean
            some += weight[place] * (apart * apart)
        spread += float(some)
    return spread
