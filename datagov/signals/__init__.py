"""What can be said of one document without another: one family a file, measured over whole batches.

A family returns integer counts; its rules name the quantities made of them. Nothing here decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datagov.errors import ConfigError, did_you_mean
from datagov.signals.char_ngrams import CHAR_NGRAMS
from datagov.signals.char_repetition import CHAR_REPETITION
from datagov.signals.characters import CHARACTERS
from datagov.signals.chinese_form import CHINESE_FORM
from datagov.signals.classifier import CLASSIFIER
from datagov.signals.contamination import CONTAMINATION
from datagov.signals.distinct_characters import DISTINCT_CHARACTERS
from datagov.signals.fasttext_language import FASTTEXT_LANGUAGE
from datagov.signals.imported import import_family, installed, refuse_clashes
from datagov.signals.language import LANGUAGE
from datagov.signals.language_spans import LANGUAGE_SPANS
from datagov.signals.lexicon import LEXICON
from datagov.signals.line_edits import LINE_EDITS
from datagov.signals.line_marks import LINE_MARKS
from datagov.signals.line_repetition import LINE_REPETITION
from datagov.signals.line_signals import LINE_SIGNALS
from datagov.signals.lines import LINES
from datagov.signals.lingua import LINGUA
from datagov.signals.markup import MARKUP
from datagov.signals.ngram_repetition import NGRAM_REPETITION
from datagov.signals.opt_out import OPT_OUT
from datagov.signals.perplexity import PERPLEXITY
from datagov.signals.pii import PII
from datagov.signals.script import SCRIPT
from datagov.signals.sentences import SENTENCES
from datagov.signals.stop_words import STOP_WORDS
from datagov.signals.terms import TERMS
from datagov.signals.tokens import TOKENS
from datagov.signals.url_lists import URL_LISTS
from datagov.signals.vocabulary import VOCABULARY
from datagov.signals.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datagov.rule import Params, RuleInfo, SignalFamily

__all__ = ["FAMILIES", "MODEL_FAMILIES", "family", "family_of_rule", "model_family", "resolve_params"]

FAMILIES: tuple[SignalFamily, ...] = (
    SCRIPT,
    CHINESE_FORM,
    LANGUAGE,
    LANGUAGE_SPANS,
    LINGUA,
    WORDS,
    STOP_WORDS,
    LINES,
    LINE_REPETITION,
    NGRAM_REPETITION,
    CHARACTERS,
    DISTINCT_CHARACTERS,
    CHAR_REPETITION,
    CHAR_NGRAMS,
    MARKUP,
    SENTENCES,
    LINE_MARKS,
    LINE_SIGNALS,
    VOCABULARY,
    LEXICON,
    LINE_EDITS,
    PII,
    OPT_OUT,
)
"""All families, in the order in which they are listed and measured. Rule names are unique among them."""

MODEL_FAMILIES: tuple[SignalFamily, ...] = (
    CLASSIFIER,
    CONTAMINATION,
    FASTTEXT_LANGUAGE,
    PERPLEXITY,
    TERMS,
    TOKENS,
    URL_LISTS,
)
"""Families that read a model, or a lexicon, from a file: a recipe gives each use of one a name, see `datagov.signals.named`."""


def family(name: str, *, others: Sequence[SignalFamily] = (), beside: str = "") -> SignalFamily:
    """Return the family called `name`.

    Parameters
    ----------
    name : str
        `words` or `words@1`; `module:attribute` for a family of your own; or the name of one that an
        installed package adds.
    others : sequence of SignalFamily
        Imported families that can be meant as well.
    beside : str
        Folder in which modules are looked for after all other places.

    Raises
    ------
    ConfigError
        No family has this name, or it has another version; or it cannot be imported.
    """
    if ":" in name:
        found = import_family(name, beside)
        refuse_clashes(found, (*FAMILIES, *others))
        return found
    plain = name.partition("@")[0]
    for candidate in (*FAMILIES, *others):
        if candidate.name == plain:
            return of_version(candidate, name)
    packages = installed()
    for candidate in MODEL_FAMILIES:
        if candidate.name == plain:
            files = ", ".join(f"{file}: PATH" for file in candidate.files)
            raise ConfigError(
                f"Signal family {name!r} reads a file: name one under `models` of the filter, such as "
                f"{{my_{plain}: {{family: {plain}, {files}}}}}."
            )
    if plain not in packages:
        known = [*(each.name for each in (*FAMILIES, *others)), *packages]
        raise ConfigError(f"There is no signal family {name!r}. {did_you_mean(plain, known)}")
    found = family(packages[plain].value, others=others, beside=beside)
    if found.name != plain:
        raise ConfigError(f"{packages[plain].value}: is called {found.name!r}, its entry point {plain!r}.")
    return of_version(found, name)


def model_family(name: str, *, beside: str = "") -> SignalFamily:
    """Return the family called `name` whose models come from files; as `family` does those that need none."""
    if ":" not in name:
        plain = name.partition("@")[0]
        for candidate in MODEL_FAMILIES:
            if candidate.name == plain:
                return of_version(candidate, name)
        if plain not in (each.name for each in FAMILIES) and plain not in installed():
            known = [each.name for each in MODEL_FAMILIES]
            raise ConfigError(f"There is no model family {name!r}. {did_you_mean(plain, known)}")
    return family(name, beside=beside)


def of_version(found: SignalFamily, name: str) -> SignalFamily:
    """Return the family, or raise ConfigError that `name` asks for another version of it."""
    if "@" in name and found.id != name:
        raise ConfigError(
            f"Signal family {name!r} is not of this release, which has {found.id!r}: its formulas changed. "
            "Name the version at hand, or install the release that the recipe was made for."
        )
    return found


def family_of_rule(name: str, *, others: Sequence[SignalFamily] = ()) -> tuple[SignalFamily, RuleInfo]:
    """Return the family and rule that a bound's signal means.

    Parameters
    ----------
    name : str
        A rule (`word_count`), or a family and rule (`words/word_count`, `words@1/word_count`).
    others : sequence of SignalFamily
        Imported families that can be meant as well. Those of installed packages are found by
        family and rule; or by the rule alone, where it is named under `signals` too.

    Raises
    ------
    ConfigError
        There is no such family, or no such rule in it.
    """
    family_name, slash, rule_name = name.rpartition("/")
    searched = (family(family_name, others=others),) if slash else (*FAMILIES, *others)
    for candidate in searched:
        for rule in candidate.rules:
            if rule.name == rule_name:
                return candidate, rule
    known = [rule.name for candidate in searched for rule in candidate.rules]
    where = f" in family {searched[0].id!r}" if slash else ""
    raise ConfigError(f"There is no signal {rule_name!r}{where}. {did_you_mean(rule_name, known)}")


def resolve_params(of: SignalFamily, given: Mapping[str, Any]) -> Params:
    """Return the family's parameters: what was given, defaults for the rest, and what it makes of them itself.

    Raises
    ------
    ConfigError
        A parameter is unknown, a required one is missing, or the family refuses what it was given.
    """
    known = [*of.defaults, *of.required]
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known) if known else "It takes none."
            raise ConfigError(f"Signal family {of.id!r} has no parameter {name!r}. {hint}")
    for name in of.required:
        if name not in given:
            hint = ", or name a file of them under `word_lists` of the filter" if name == "words" else ""
            where = (
                "a file's path beside `family` under `models`"
                if name in of.files
                else "it under `params` of a profile"
            )
            raise ConfigError(f"Signal family {of.id!r} needs the parameter {name!r}: give {where}{hint}.")
    params = {**of.defaults, **given}
    return params if of.prepare is None else of.prepare(params)
