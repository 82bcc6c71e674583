"""Which documents adjacent filters with `when` speak of together, and that a recipe says what becomes of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from datagov.errors import ConfigError
from datagov.signals.script import SCRIPT_NAMES
from pipelines.filter_spec import Filter

if TYPE_CHECKING:
    from pipelines.recipe import Step

__all__ = ["check_coverage", "covered_scripts", "filter_groups"]


def check_coverage(steps: Sequence[Step], where: str) -> None:
    """Each run of adjacent filters with `when` must say what becomes of the documents it leaves out."""
    group: list[Step] = []
    for step in [*steps, None]:
        if step is not None and isinstance(step.spec, Filter) and step.spec.when is not None:
            group.append(step)
            continue
        if group:
            covered = {name for member in group for name in member.resolved["when"]}
            last = group[-1]
            for member in group[:-1]:
                if member.resolved["otherwise"] is not None:
                    raise ConfigError(
                        f"{where}: step {member.name!r}: `otherwise` belongs on the last of a run of adjacent "
                        f"filters with `when` ({last.name!r}); it speaks of documents that none of them covers"
                    )
            if covered != set(SCRIPT_NAMES) and last.resolved["otherwise"] is None:
                missing = ", ".join(name for name in SCRIPT_NAMES if name not in covered)
                raise ConfigError(
                    f"{where}: step {last.name!r}: no filter covers documents in {missing}; "
                    "say `otherwise: keep`, `drop` or `annotate` on this step"
                )
        group = []
        if step is not None and isinstance(step.spec, Filter) and step.spec.otherwise is not None:
            raise ConfigError(f"{where}: step {step.name!r}: `otherwise` needs a `when`")


def filter_groups(steps: Sequence[Mapping[str, Any]]) -> list[list[int]]:
    """Return runs of adjacent filter steps with `when`, as lists of step positions."""
    groups: list[list[int]] = []
    previous = -2
    for position, step in enumerate(steps):
        if step["kind"] == "filter" and step["when"] is not None:
            if previous == position - 1:
                groups[-1].append(position)
            else:
                groups.append([position])
            previous = position
    return groups


def covered_scripts(steps: Sequence[Mapping[str, Any]], position: int) -> list[str] | None:
    """Return the scripts that a filter and the filters with `when` adjacent to it speak of; None for all.

    Parameters
    ----------
    steps : sequence of mapping
        The `kind` and the `when` of every step.
    position : int
        The filter.
    """
    group = next((group for group in filter_groups(steps) if position in group), None)
    if group is None:
        return None
    return sorted({name for member in group for name in steps[member]["when"]})
