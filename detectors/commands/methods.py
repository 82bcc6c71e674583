"""`datagov detect methods`: which membership methods there are, what each needs, and what is left out."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from datagov import terminal

if TYPE_CHECKING:
    from detectors.membership.method import Method

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add `methods`."""
    app.command("methods")(methods_command)


def methods_command(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One method, told in full.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the membership methods: formula, source, needs, cost; and published ones left out, with the reason."""
    from detectors.membership import METHODS, method
    from detectors.membership.left_out import LEFT_OUT

    if name is not None:
        chosen = method(name)
        if as_json:
            terminal.print_json(record(chosen))
        else:
            show(chosen)
        return
    if as_json:
        left_out = [{"name": left.name, "reason": left.reason} for left in LEFT_OUT]
        terminal.print_json({"methods": [record(each) for each in METHODS], "left_out": left_out})
        return
    rows = [(each.name, each.passes, ", ".join(sorted(each.needs)), settings(each)) for each in METHODS]
    terminal.print_table(("method", "passes a text", "needs", "parameters"), rows)
    terminal.line()
    terminal.print_table(("left out", "why"), [(left.name, left.reason) for left in LEFT_OUT])


def record(method: Method) -> dict[str, Any]:
    """Return a method as JSON."""
    return {
        "name": method.name,
        "needs": sorted(method.needs),
        "passes": method.passes,
        "parameters": dict(method.defaults),
        "formula": method.formula,
        "source": method.source,
        "null_when": method.null_when,
        "differs": method.differs,
        "explains_tokens": method.explain is not None,
    }


def show(method: Method) -> None:
    """Print how one method is defined."""
    terminal.heading(method.name)
    for label, value in (
        ("formula", method.formula),
        ("source", method.source),
        ("needs", ", ".join(sorted(method.needs))),
        ("passes", method.passes),
        ("parameters", settings(method)),
        ("undefined", method.null_when),
        ("differs", method.differs),
    ):
        if value:
            terminal.line(f"  {label:<10} {value}")


def settings(method: Method) -> str:
    """Return parameters and defaults in one line."""
    return ", ".join(f"{name}={terminal.cell(value)}" for name, value in method.defaults.items())
