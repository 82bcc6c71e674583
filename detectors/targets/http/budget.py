"""What may be asked of an endpoint, and what was."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from datagov.errors import PartialRun

__all__ = ["Budget"]


@dataclass
class Budget:
    """Requests and tokens of a run; the probe that opens an endpoint, and the one that ends a run, are not counted."""

    requests: int | None = None
    tokens: int | None = None
    """Sent and generated; None for no limit."""
    kept: Path | None = None
    """The output beside which answers are kept; None where they are not."""
    spent_requests: int = field(default=0, init=False)
    spent_tokens: int = field(default=0, init=False)

    def spend(self, requests: int, tokens: int) -> None:
        """Count what is about to be asked.

        Raises
        ------
        PartialRun
            It would be more than the budget.
        """
        for name, more in (("requests", requests), ("tokens", tokens)):
            limit, spent = getattr(self, name), getattr(self, f"spent_{name}")
            if limit is not None and spent + more > limit:
                raise PartialRun(
                    f"the budget of {limit:,} {name} is spent ({spent:,}, and the next batch needs {more:,}); "
                    f"{self._next_step(name)}"
                )
        self.spent_requests += requests
        self.spent_tokens += tokens

    def _next_step(self, name: str) -> str:
        larger = f"a larger budget (--budget-{name})"
        if self.kept is None:
            return f"nothing was kept: name a file for it (--output FILE), or {larger}"
        return (
            f"what was answered is kept beside {self.kept}: the same command goes on; one that ends with these figures again "
            f"needs {larger}"
        )

    def record(self) -> dict[str, int]:
        """Return what was spent."""
        return {"requests": self.spent_requests, "tokens": self.spent_tokens}
