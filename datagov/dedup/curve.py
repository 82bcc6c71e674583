"""Which pairs a choice of bands and rows will find, and which choice finds what one wants.

Two documents of similarity J share at least one bucket with probability 1 - (1 - J^rows)^bands. Nothing
that shares no bucket is ever compared, so this curve is the recall of near-duplicate removal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from datagov.errors import ConfigError, did_you_mean

__all__ = ["PRESETS", "CurvePoint", "Preset", "curve", "parameters_for", "preset", "probability", "threshold"]


@dataclass(frozen=True)
class Preset:
    """Bands, rows and shingle length as a published corpus used them."""

    bands: int
    rows: int
    k: int
    """Tokens of our token stream a shingle: a word of a spaced script, one character of Han or kana."""
    shingle: str
    """What the corpus itself took as a shingle, where it is not the same."""
    source: str
    """Paper or repository the numbers come from."""

    @property
    def permutations(self) -> int:
        """Rows of a signature."""
        return self.bands * self.rows


PRESETS: dict[str, Preset] = {
    "fineweb": Preset(14, 8, 5, "5 words", "Penedo et al., The FineWeb Datasets, arXiv:2406.17557"),
    "map-cc": Preset(9, 13, 13, "13 characters", "Du et al., Chinese Tiny LLM, arXiv:2404.04167 (MAP-CC)"),
    "redpajama-0.7": Preset(
        14, 9, 13, "13 words", "togethercomputer/RedPajama-Data, RedPajama-V2, fuzzy deduplication at 0.7"
    ),
    "redpajama-0.8": Preset(
        9, 13, 13, "13 words", "togethercomputer/RedPajama-Data, RedPajama-V2, fuzzy deduplication at 0.8"
    ),
    "redpajama-0.9": Preset(
        5, 25, 13, "13 words", "togethercomputer/RedPajama-Data, RedPajama-V2, fuzzy deduplication at 0.9"
    ),
    "refinedweb": Preset(
        450,
        20,
        5,
        "5 tokens",
        "Lee et al., Deduplicating Training Data, arXiv:2107.06499; "
        "Penedo et al., RefinedWeb, arXiv:2306.01116",
    ),
    "nemo-curator": Preset(
        20, 13, 5, "24 characters of raw text, about five English words", "NVIDIA-NeMo/Curator, fuzzy dedup"
    ),
    "text-dedup": Preset(25, 10, 5, "5 words", "ChenghaoMou/text-dedup, minhash, threshold 0.7"),
}
"""Published choices by name."""


@dataclass(frozen=True)
class CurvePoint:
    """One row of the table `datagov dedup curve` prints."""

    jaccard: float
    """Similarity of a pair, in [0, 1]."""
    found: float
    """Probability that the pair shares a bucket, in [0, 1]."""


def preset(name: str) -> Preset:
    """Return the preset called `name`.

    Raises
    ------
    ConfigError
        When there is none.
    """
    if name not in PRESETS:
        raise ConfigError(f"no preset {name!r} of bands and rows. {did_you_mean(name, PRESETS)}")
    return PRESETS[name]


def probability(jaccard: float, bands: int, rows: int) -> float:
    """Return the probability in [0, 1] that a pair of similarity `jaccard` shares a bucket.

    Parameters
    ----------
    jaccard : float
        Similarity of the pair, in [0, 1].
    bands, rows : int
        Bands and rows a band.

    Source: Leskovec, Rajaraman and Ullman, Mining of Massive Datasets.
    """
    if not 0.0 <= jaccard <= 1.0:
        raise ConfigError(f"a Jaccard similarity lies between 0 and 1, not at {jaccard}")
    agree = jaccard**rows
    if agree >= 1.0:
        return 1.0
    return -math.expm1(bands * math.log1p(-agree))


def threshold(bands: int, rows: int) -> float:
    """Return the similarity at which half of the pairs share a bucket."""
    return (-math.expm1(math.log(0.5) / bands)) ** (1.0 / rows)


def curve(bands: int, rows: int, *, step: float = 0.05) -> list[CurvePoint]:
    """Return the curve from 0 to 1 in equal steps, for a table or a plot."""
    count = round(1 / step)
    return [CurvePoint(i / count, probability(i / count, bands, rows)) for i in range(count + 1)]


def parameters_for(recall: float, jaccard: float, max_permutations: int) -> tuple[int, int]:
    """Choose the steepest bands and rows that find pairs of a similarity with a given recall.

    Parameters
    ----------
    recall : float
        Wanted probability of sharing a bucket at `jaccard`, in (0, 1).
    jaccard : float
        Similarity, in (0, 1).
    max_permutations : int
        Most rows a signature may have; time and storage grow with it.

    Returns
    -------
    (bands, rows)
        As many rows a band as `max_permutations` allows, hence the fewest unlike pairs in common
        buckets, and no more bands than the recall takes.

    Raises
    ------
    ConfigError
        When an argument is out of range or no choice reaches the recall.
    """
    if not 0.0 < recall < 1.0 or not 0.0 < jaccard < 1.0:
        raise ConfigError(f"recall and jaccard lie between 0 and 1, not at {recall} and {jaccard}")
    best: tuple[int, int] | None = None
    for rows in range(1, max_permutations + 1):
        agree = jaccard**rows
        # The number of bands grows with every row: the first that does not fit ends the search.
        if agree <= 0.0 or math.log1p(-recall) / math.log1p(-agree) > max_permutations:
            break
        bands = max(1, math.ceil(math.log1p(-recall) / math.log1p(-agree)))
        while probability(jaccard, bands, rows) < recall:
            bands += 1
        if bands * rows <= max_permutations:
            best = (bands, rows)
    if best is None:
        raise ConfigError(
            f"no bands and rows within {max_permutations} permutations find pairs of Jaccard {jaccard} "
            f"with probability {recall}: allow more permutations, or less recall"
        )
    return best
