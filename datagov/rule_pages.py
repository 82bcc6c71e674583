"""The page of all rules, written from the rules and profiles themselves.

`python -m datagov.rule_pages` prints it; docs/rules.md is what it prints.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from datagov.plain_yaml import read_yaml
from datagov.policy import Bound, crossings, values
from datagov.profiles import PROFILES, load_profile
from datagov.quantiles import Quantile
from datagov.signals import FAMILIES, MODEL_FAMILIES, family, family_of_rule
from datagov.text.batch import TextBatch

if TYPE_CHECKING:
    from datagov.profiles import Profile
    from datagov.rule import Params, RuleInfo, SignalFamily

__all__ = ["Example", "examples", "page", "with_example_lists"]

EXAMPLES = "rule_examples.yaml"


@dataclass(frozen=True)
class Example:
    """What one bound of a profile does with two texts."""

    kept: float | None
    """Value of the language's ordinary text, which the bound keeps; None where it is undefined."""
    text: str | None
    """A text that crosses the bound, as it is shown; None where no text of the pool does."""
    crossed: float | None
    """Its value."""


def page() -> str:
    """Return the page, in Markdown."""
    profiles = [with_example_lists(load_profile(name)) for name in PROFILES]
    return "\n".join(
        [
            *introduction(profiles),
            *(line for kind in (*FAMILIES, *MODEL_FAMILIES) for line in section(kind, profiles)),
        ]
    )


def introduction(profiles: list[Profile]) -> Iterator[str]:
    """Yield what stands before the rules: the profiles, and the texts of the examples."""
    yield "# Rules"
    yield ""
    yield "Written by `python -m datagov.rule_pages > docs/rules.md` from the rules and profiles; not edited by hand."
    yield "A document is kept where `min <= value <= max`. A *value* is a count, or the quotient of two counts; where it"
    yield "is undefined, the bound's `missing` decides. `datagov rules NAME` prints the same in a terminal."
    yield ""
    yield "## Profiles"
    for profile in profiles:
        yield ""
        yield f"### {profile.name}"
        yield ""
        listed = sum(len(each.bounds) for each in profile.word_lists.values())
        bounds = f"{len(profile.bounds) - listed or 'No'} bounds"
        bounds += f", and {listed} where `word_lists` names a file" if listed else ""
        measured = ", ".join(f"[{name}](#{anchor(name)})" for name in profile.families)
        yield f"{profile.title}. Version {profile.version}. {bounds}; measures {measured}."
        yield ""
        yield from own_params(profile)
        yield "Not included:"
        yield ""
        yield from (f"- {left_out}" for left_out in profile.not_included)
        yield from conditions(profile)
        if profile.word_lists:
            yield ""
            yield "Bounded only where a filter's `word_lists` names a file:"
            yield ""
            for name, word_list in profile.word_lists.items():
                signals = ", ".join(f"`{bound.signal}`" for bound in word_list.bounds) or "measured only"
                yield f"- `{name}` ({signals}): {word_list.what}."
    yield ""
    yield "## Texts of the examples"
    yield ""
    yield "The *ordinary text* of the examples, which every bound of its language's profiles keeps:"
    for language, text in pool()["ordinary"].items():
        yield ""
        yield f"- {language}: {shown(text)}"
    yield ""
    yield "The word lists of the examples:"
    yield ""
    for name, lists in pool()["lists"].items():
        for language, words in lists.items():
            yield f"- `{name}`, {language}: {', '.join(words)}"
    yield ""


def own_params(profile: Profile) -> Iterator[str]:
    """Yield the parameters that a profile gives its families."""
    given = [
        (name, profile.own_params(name))
        for name in profile.families
        if name.partition("@")[0] not in profile.word_lists
    ]
    given = [(name, params) for name, params in given if params]
    if given:
        yield f"Parameters: {'; '.join(f'{name}: {written(params)}' for name, params in given)}."
        yield ""


def written(params: Params) -> str:
    """Return parameters in a line."""
    return ", ".join(f"`{name}` = {shown(str(value))}" for name, value in params.items())


def conditions(profile: Profile) -> Iterator[str]:
    """Yield the conditions on several signals at once that a profile has besides its bounds."""
    if not profile.conditions:
        return
    yield ""
    yield "Kept only where each of these is true as well:"
    yield ""
    for condition in profile.conditions:
        sql = f"`{condition.sql}`, missing: {condition.missing}"
        yield f"- `{condition.name}`: {sql}; {condition.source}."


def section(kind: SignalFamily, profiles: list[Profile]) -> Iterator[str]:
    """Yield a family: its parameters, and each of its rules."""
    yield f"## {kind.id}"
    yield ""
    parameters = [f"`{name}` (required)" for name in kind.required]
    parameters += [
        f"`{name}` = {'empty' if value == '' else shown(str(value))}" for name, value in kind.defaults.items()
    ]
    if parameters:
        yield f"Parameters: {', '.join(parameters)}."
        yield ""
    if kind.files:
        yield (
            "Used under `models` of a filter, with a name that its rules then begin with: `toxicity` has "
            f"`toxicity_{kind.rules[0].name}`. Files: {', '.join(f'`{name}`' for name in kind.files)}."
        )
        yield ""
    for rule in kind.rules:
        yield f"### {rule.name}"
        yield ""
        yield from definition(rule)
        yield from bounds_table(kind, rule, profiles)


def definition(rule: RuleInfo) -> Iterator[str]:
    """Yield what a rule says of itself."""
    low, high = rule.value_range
    quotient = rule.numerator if rule.denominator is None else f"{rule.numerator} / {rule.denominator}"
    yield rule.formula
    yield ""
    yield f"- Value: `{quotient}`, {rule.unit}, from {low:g} to {'no end' if high is None else f'{high:g}'}."
    yield f"- Undefined: {rule.null_when}."
    yield f"- Source: {rule.source}."
    if rule.differs:
        yield f"- Differs: {rule.differs}"
    yield ""


def bounds_table(kind: SignalFamily, rule: RuleInfo, profiles: list[Profile]) -> Iterator[str]:
    """Yield the bounds on a rule, one a profile, with what each does with an example."""
    rows = [(profile, bound) for profile in profiles for bound in profile.bounds if bound.signal == rule.name]
    if not rows:
        return
    yield "| profile | min | max | missing | ordinary text | crossed by | source |"
    yield "|---|---|---|---|---|---|---|"
    for profile, bound in rows:
        example = examples(profile, bound)
        crossed = "no text" if example.text is None else f"{example.text}: {number(example.crossed)}"
        own = profile.own_params(kind.id)
        name = f"[{profile.name}](#{profile.name})"
        short = {key: value for key, value in own.items() if key not in kind.required}
        name += f" with {written(short)}" if short else ""
        cells = [name, number(bound.min), number(bound.max), bound.missing]
        yield f"| {' | '.join([*cells, number(example.kept), crossed, bound.source])} |"
    yield ""


def examples(profile: Profile, bound: Bound) -> Example:
    """Measure the ordinary text and the odd ones, and find one that crosses the bound.

    Parameters
    ----------
    profile : Profile
        Its parameters are measured with, and with the ordinary text of its language, see `language_of`.
    bound : Bound
        One of its bounds.

    Raises
    ------
    RuntimeError
        The ordinary text crosses the bound.
    """
    texts = pool()
    language = language_of(profile)
    odd = [entry["text"] * entry.get("times", 1) for entry in texts["odd"]]
    kind, rule = family_of_rule(bound.signal)
    batch = TextBatch(pa.array([texts["ordinary"][language], *odd], pa.large_string()))
    measured = values(family(kind.id).measure(batch, profile.families[kind.id]), [rule])
    crossed = [bool(row) for row in crossings(measured, [bound]).to_pylist()]
    if crossed[0]:
        raise RuntimeError(f"the ordinary text of {language!r} crosses {bound.signal!r} of {profile.name!r}")
    found = measured[rule.name].to_pylist()
    for entry, value, is_crossed in zip(texts["odd"], found[1:], crossed[1:], strict=True):
        if is_crossed and value is not None:
            times = entry.get("times", 1)
            return Example(found[0], shown(entry["text"]) + (f" × {times}" if times > 1 else ""), value)
    return Example(found[0], None, None)


def language_of(profile: Profile) -> str:
    """Return the last part of a profile's name that is a language of the pool; English where there is none."""
    return next((part for part in profile.name.split("-") if part in pool()["ordinary"]), "en")


def with_example_lists(profile: Profile) -> Profile:
    """Return a profile with the pool's lists for the families that its `word_lists` speaks of."""
    lists = {name: pool()["lists"][name][language_of(profile)] for name in profile.word_lists}
    return profile.with_words(lists)


def pool() -> dict[str, Any]:
    """Return the texts of the examples."""
    content: dict[str, Any] = read_yaml((files("datagov") / EXAMPLES).read_text("utf-8"))
    return content


def shown(text: str) -> str:
    """Return a text as code on one line of a table."""
    fence = "``" if "`" in text else "`"
    return fence + text.replace("\n", "⏎").replace("|", "\\|") + fence


def number(value: float | Quantile | None) -> str:
    """Return a limit or value in a cell."""
    if isinstance(value, Quantile):
        return str(value)
    return "" if value is None else f"{value:.4g}"


def anchor(family_id: str) -> str:
    """Return the anchor that Markdown gives a family's heading."""
    return family_id.replace("@", "")


if __name__ == "__main__":
    sys.stdout.write(page())
