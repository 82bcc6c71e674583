"""The command that shows which profiles and rules there are, and checks families."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs; typer passes arguments by name

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datagov import terminal
from datagov.errors import ConfigError, DatagovError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datagov.profiles import Profile
    from datagov.quantiles import Quantile
    from datagov.rule import RuleInfo, SignalFamily

__all__ = ["register"]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add `rules` to the root command."""
    app.command("rules")(rules_command)


def rules_command(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="A profile, its file, a signal family or a rule; module:attribute for your own.",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Run the checks that every family must pass on this one.")
    ] = False,
    file: Annotated[
        list[str] | None,
        typer.Option(
            "--file",
            metavar="PARAMETER=PATH",
            help="With --check: a file the family reads, such as model=PATH.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List profiles and rules, or say how one of them is defined and where it comes from.

    Exit code 1 when --check finds something.
    """
    from datagov.profiles import PROFILES, load_profile
    from datagov.signals import FAMILIES, MODEL_FAMILIES, family
    from datagov.signals.imported import installed

    offered = (*FAMILIES, *MODEL_FAMILIES)
    if file and not check:
        raise ConfigError("--file goes with --check.")
    if name is None:
        if check:
            raise ConfigError("--check goes with the name of a family.")
        overview(offered, [load_profile(profile) for profile in PROFILES], as_json=as_json)
        return
    packages = installed()
    families = [each for each in offered if name in (each.name, each.id)]
    rule_name = name.rpartition("/")[2]
    rules = [(each, rule) for each in offered for rule in each.rules if rule.name == rule_name]
    if ":" in name or name.partition("@")[0] in packages:
        families = [family(name, beside=str(Path.cwd()))]
    if check:
        checked = families[0] if families else family(name)
        run_checks(checked, files_given(checked, file or ()), as_json=as_json)
    elif families:
        show_family(families[0], as_json=as_json)
    elif name in PROFILES or Path(name).suffix in (".yaml", ".yml"):
        show_profile(load_profile(name, beside=str(Path(name).parent.resolve())), as_json=as_json)
    elif rules:
        show_rule(*rules[0], as_json=as_json)
    else:
        known = [
            *PROFILES,
            *packages,
            *(each.name for each in offered),
            *(rule.name for each in offered for rule in each.rules),
        ]
        hint = f"{did_you_mean(name, known)} 'datagov rules' lists them all."
        raise ConfigError(f"There is no profile, family or rule {name!r}. {hint}")


def files_given(family: SignalFamily, written: Sequence[str]) -> dict[str, str]:
    """Return parameter -> path from PARAMETER=PATH, or raise ConfigError: one is unknown, missing or no file."""
    given = dict(each.partition("=")[::2] for each in written)
    wanted = " ".join(f"--file {name}=PATH" for name in family.files)
    for name, path in given.items():
        if name not in family.files:
            hint = f"It reads {', '.join(family.files)}." if family.files else "It reads none."
            raise ConfigError(f"--file {name}: signal family {family.id!r} has no such file. {hint}")
        if not Path(path).exists():
            raise ConfigError(f"--file {name}: there is no file {path!r}.")
    if len(given) < len(family.files):
        raise ConfigError(f"Signal family {family.id!r} reads a file: add {wanted}.")
    return given


def run_checks(family: SignalFamily, files: Mapping[str, str], *, as_json: bool) -> None:
    """Run every check on a family with its files, parameter -> path; exit with 1 where one fails."""
    from datagov.testing import CHECKS, EXAMPLES, params_of

    given = {name: EXAMPLES[name] for name in family.required if name in EXAMPLES} | dict(files)
    if files:
        params_of(
            family, given
        )  # A file that the family cannot read is one error, and no matter of the checks.
    found: dict[str, str | None] = {}
    for check in CHECKS:
        try:
            check(family, given)
            found[check.__name__] = None
        except AssertionError as error:
            found[check.__name__] = str(error)
        except (AttributeError, DatagovError, TypeError, ValueError) as error:
            # A field of another type than declared: what a check stumbles over, it has found.
            found[check.__name__] = f"{type(error).__name__}: {error}"
    if as_json:
        terminal.print_json({"family": family.id, "checks": found})
    else:
        rows = [(name, "ok" if problem is None else "FAILED", problem) for name, problem in found.items()]
        terminal.print_table(("check", "result", "problem"), rows)
    if any(found.values()):
        raise typer.Exit(1)


def overview(families: tuple[SignalFamily, ...], profiles: list[Profile], *, as_json: bool) -> None:
    """Print every profile and every rule in one line each, and the families of installed packages by name."""
    from datagov.signals.imported import installed

    packages = {name: entry.value for name, entry in installed().items()}
    if as_json:
        terminal.print_json(
            {
                "profiles": [profile_record(profile) for profile in profiles],
                "families": [family_record(family) for family in families],
                "installed": packages,
            }
        )
        return
    rows = [(profile.name, profile.version, len(profile.bounds), profile.title) for profile in profiles]
    terminal.print_table(("profile", "version", "bounds", "title"), rows)
    terminal.line()
    rows_of_rules = [(family.id, rule.name, rule.unit) for family in families for rule in family.rules]
    terminal.print_table(("family", "rule", "unit"), rows_of_rules)
    for name, path in packages.items():
        terminal.line(f"installed: {name} ({path})")


def show_profile(profile: Profile, *, as_json: bool) -> None:
    """Print a profile's bounds, each with its citation, and what it leaves out."""
    if as_json:
        terminal.print_json(profile_record(profile))
        return
    terminal.heading(f"{profile.name} (version {profile.version}): {profile.title}")
    rows = [
        (bound.signal, limit(bound.min), limit(bound.max), bound.missing, bound.source)
        for bound in profile.bounds
    ]
    if rows:
        terminal.print_table(("signal", "min", "max", "missing", "source"), rows)
    for condition in profile.conditions:
        terminal.line(
            f"{condition.name}: {condition.sql} (undefined: {condition.missing}; {condition.source})"
        )
    for family_id in profile.families:
        for name, value in profile.own_params(family_id).items():
            terminal.line(f"parameter {name} of {family_id} = {terminal.cell(value)}")
    for name, word_list in profile.word_lists.items():
        signals = ", ".join(bound.signal for bound in word_list.bounds) or "nothing"
        terminal.line(f"word list {name}, where a filter names one, bounds {signals}: {word_list.what}")
    for family_id, source in profile.measured.items():
        terminal.line(f"measured: {family_id} ({source})")
    for left_out in profile.not_included:
        terminal.line(f"not included: {left_out}")


def limit(value: float | Quantile | None) -> float | str | None:
    """Return a bound's limit in a cell."""
    return value if value is None or isinstance(value, int | float) else str(value)


def show_family(family: SignalFamily, *, as_json: bool) -> None:
    """Print every rule of a family and its parameters."""
    if as_json:
        terminal.print_json(family_record(family))
        return
    for number, rule in enumerate(family.rules):
        if number:
            terminal.line()
        show_rule(family, rule, as_json=False)
    for name in family.required:
        terminal.line(f"parameter {name} (required)")
    for name, value in family.defaults.items():
        terminal.line(f"parameter {name} = {terminal.cell(value)}")


def show_rule(family: SignalFamily, rule: RuleInfo, *, as_json: bool) -> None:
    """Print how one rule is defined."""
    if as_json:
        terminal.print_json({"family": family.id, **asdict(rule)})
        return
    terminal.heading(f"{family.id}/{rule.name}")
    low, high = rule.value_range
    ratio = rule.numerator if rule.denominator is None else f"{rule.numerator} / {rule.denominator}"
    for name, value in (
        ("unit", rule.unit),
        ("value", ratio),
        ("formula", rule.formula),
        ("range", f"{terminal.cell(low)} to {'no end' if high is None else terminal.cell(high)}"),
        ("undefined", rule.null_when),
        ("source", rule.source),
        ("differs", rule.differs),
    ):
        if value:
            terminal.line(f"  {name:<9} {value}")


def family_record(family: SignalFamily) -> dict[str, Any]:
    """Return a family as JSON."""
    return {
        "id": family.id,
        "import": None if family.origin is None else family.origin.path,
        "parameters": dict(family.defaults),
        "required": list(family.required),
        "rules": [asdict(rule) for rule in family.rules],
    }


def profile_record(profile: Profile) -> dict[str, Any]:
    """Return a profile as JSON."""
    return {
        "profile": profile.name,
        "version": profile.version,
        "title": profile.title,
        "families": {name: dict(params) for name, params in profile.families.items()},
        "bounds": [asdict(bound) for bound in profile.bounds],
        "where": [
            {"name": each.name, "sql": each.sql, "missing": each.missing, "source": each.source}
            for each in profile.conditions
        ],
        "measured": dict(profile.measured),
        "not_included": list(profile.not_included),
    }
