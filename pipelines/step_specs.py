"""What can be written in a recipe as a step, with its defaults."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from datagov.dedup.curve import PRESETS, parameters_for
from datagov.errors import did_you_mean
from pipelines.edit_specs import EDIT_KINDS
from pipelines.filter_spec import Filter
from pipelines.validation import Strict
from pipelines.when import as_list

__all__ = ["KINDS", "ExactDedup", "Filter", "NearDedup", "Verify"]


class ExactDedup(Strict):
    """Documents with the same text, or the same value of a column, but for one."""

    on: str = "text"
    keep: Annotated[list[Any], BeforeValidator(as_list)] = Field(default_factory=lambda: ["first"])
    within: Annotated[list[str], BeforeValidator(as_list)] = Field(default_factory=list)
    annotate: bool = False


class Verify(Strict):
    """When two documents are near-duplicates: exact Jaccard of their shingle sets."""

    jaccard: float = Field(default=0.7, gt=0, le=1)


class NearDedup(Strict):
    """MinHash to find candidates, exact Jaccard to decide."""

    preset: str | None = None
    bands: int | None = Field(default=None, gt=0, le=512)
    rows: int | None = Field(default=None, gt=0, le=64)
    shingle: int | None = Field(default=None, gt=0, le=64)
    """Tokens a shingle."""
    recall: float | None = Field(default=None, gt=0, lt=1)
    at: float | None = Field(default=None, gt=0, lt=1)
    """With `recall`: bands and rows are chosen so that a pair of this Jaccard is found that often."""
    permutations: int = Field(default=128, gt=0, le=4096)
    """With `recall`: most permutations to spend."""
    seed: int = Field(default=1, ge=0, lt=2**63)
    verify: Verify = Verify()
    keep: Annotated[list[Any], BeforeValidator(as_list)] = Field(default_factory=lambda: ["longest"])
    within: Annotated[list[str], BeforeValidator(as_list)] = Field(default_factory=list)
    tries: int = Field(default=64, gt=0)
    """Most kept documents one document is compared with."""
    bucket_cap: int = Field(default=10_000, ge=2)
    """A bucket with more members is split by further signature rows and reported as a template."""
    alarm: float = Field(default=0.5, gt=0, le=1)
    """Warn when this step removes more than this fraction of a source of 100 documents or more."""
    annotate: bool = False

    @model_validator(mode="after")
    def _resolve(self) -> NearDedup:
        asked = [
            self.preset is not None,
            self.bands is not None or self.rows is not None,
            self.recall is not None,
        ]
        if sum(asked) > 1:
            raise ValueError("give one of: preset, bands with rows, recall with at")
        if (self.bands is None) != (self.rows is None):
            raise ValueError("bands and rows go together")
        if (self.recall is None) != (self.at is None):
            raise ValueError("recall and at go together")
        if self.preset is not None and self.preset not in PRESETS:
            raise ValueError(f"unknown preset {self.preset!r}. {did_you_mean(self.preset, PRESETS)}")
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """Bands, rows a band and tokens a shingle, whichever way they were asked for."""
        if self.bands is not None and self.rows is not None:
            return self.bands, self.rows, self.shingle or 5
        if self.recall is not None and self.at is not None:
            bands, rows = parameters_for(
                recall=self.recall, jaccard=self.at, max_permutations=self.permutations
            )
            return bands, rows, self.shingle or 5
        preset = PRESETS[self.preset or "fineweb"]
        return preset.bands, preset.rows, self.shingle or preset.k


KINDS: dict[str, type[Strict]] = {
    **EDIT_KINDS,
    "filter": Filter,
    "exact_dedup": ExactDedup,
    "near_dedup": NearDedup,
}
