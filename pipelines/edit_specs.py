"""What can be written in a recipe as a step that edits texts, with its defaults."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from datagov.edits.span_dedup import PRESETS as PRESETS_OF_SPANS
from datagov.edits.unit_keys import IGNORED
from datagov.edits.width import DEFAULT_FORMS, TABLE
from datagov.errors import did_you_mean
from datagov.pii.checks import check_regions
from datagov.pii.kinds import NAMES, chosen_kinds, tag_of
from datagov.signals.line_rules import PRESETS as PRESETS_OF_LINES
from datagov.signals.phrases import GROUPS
from pipelines.validation import Strict
from pipelines.when import When, as_list

__all__ = [
    "EDIT_KINDS",
    "DropLines",
    "DropRepeatedLines",
    "DropSimilarLines",
    "EditSpec",
    "Normalise",
    "Redact",
    "Repair",
    "Simplify",
    "SpanDedup",
    "Width",
]


class EditSpec(Strict):
    """A step that changes texts; the options but `when` are those of the edit in `datagov.edits`."""

    when: When | None = None

    @classmethod
    def as_written(cls, resolved: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options that `resolve` gave as a recipe writes them."""
        options = {name: value for name, value in resolved.items() if name in cls.model_fields}
        when = options.get("when")
        return options | {"when": None if when is None else {"script": when}}

    def resolve(self) -> dict[str, Any]:
        """Return the scripts it speaks of (None: all) and its options, spelled out."""
        return {
            **self.model_dump(mode="json"),
            "when": None if self.when is None else sorted(set(self.when.script)),
        }


class Normalise(EditSpec):
    """Unicode normal form, and control characters out."""

    form: Literal["NFC", "NFKC", "NFD", "NFKD"] = "NFC"
    strip_control: bool = True


class Repair(EditSpec):
    """Wrongly decoded text, by ftfy; the options are ftfy's."""

    fix_encoding: bool = True
    restore_byte_a0: bool = True
    replace_lossy_sequences: bool = True
    decode_inconsistent_utf8: bool = True
    fix_c1_controls: bool = True
    unescape_html: Literal["auto"] | bool = "auto"
    remove_terminal_escapes: bool = True
    fix_line_breaks: bool = True
    remove_control_chars: bool = True
    fix_latin_ligatures: bool = False
    fix_character_width: bool = False
    uncurl_quotes: bool = False


class Width(EditSpec):
    """Full-width and half-width forms to their usual width."""

    forms: Annotated[list[str], BeforeValidator(as_list)] = Field(default_factory=lambda: list(DEFAULT_FORMS))

    @model_validator(mode="after")
    def _known(self) -> Width:
        _each_known("form", self.forms, TABLE)
        return self

    def resolve(self) -> dict[str, Any]:
        """Return the forms in the order of the table."""
        return {**super().resolve(), "forms": [form for form in TABLE if form in self.forms]}


class Simplify(EditSpec):
    """Traditional to simplified Chinese; by default only where Han is the main script."""

    when: When | None = When(script=["han"])
    config: Literal["t2s", "tw2s", "hk2s"] = "t2s"


class DropLines(EditSpec):
    """Lines that are not part of the text; a preset's options, and changes to them."""

    preset: str | None = None
    terminal_punctuation: bool = False
    terminal_also: str = "\"'”’」』"
    min_words: int = Field(default=0, ge=0)
    max_word_chars: int | None = Field(default=None, gt=0)
    max_uppercase_fraction: float | None = Field(default=None, ge=0, lt=1)
    numeric: bool = False
    counters: bool = False
    blank: bool = False
    citations: bool = False
    phrases: Annotated[list[str], BeforeValidator(as_list)] = Field(default_factory=list)
    """Names of groups in `datagov.signals.phrases`."""
    contains: Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(as_list)] = Field(
        default_factory=list
    )

    @model_validator(mode="after")
    def _known(self) -> DropLines:
        _each_known("preset", [self.preset] if self.preset is not None else [], PRESETS_OF_LINES)
        _each_known("phrases", self.phrases, GROUPS)
        options = self.resolve()
        if not any(options[name] for name in options if name not in {"when", "terminal_also"}):
            raise ValueError("no rule is asked for: give a preset, or an option such as min_words")
        return self

    def resolve(self) -> dict[str, Any]:
        """Return the options with the preset's filled in, and the phrases themselves."""
        options = super().resolve()
        given = self.model_fields_set
        preset = PRESETS_OF_LINES[self.preset] if self.preset is not None else {}
        options |= {name: value for name, value in preset.items() if name not in given}
        del options["preset"]
        chosen = options["phrases"]
        options["phrases"] = {name: group.to_dict() for name, group in GROUPS.items() if name in chosen}
        return options

    @classmethod
    def as_written(cls, resolved: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options as a recipe writes them: without a preset, the groups of phrases by their names."""
        return super().as_written(resolved) | {"phrases": list(resolved["phrases"])}


class DropRepeatedLines(EditSpec):
    """Lines that stand earlier in the same document."""

    min_chars: int = Field(default=1, gt=0)
    adjacent: bool = False


class DropSimilarLines(EditSpec):
    """Sentences or lines that are like one before them in the same document."""

    unit: Literal["line", "paragraph", "sentences"] = "sentences"
    max_distance: float = Field(default=0.1, gt=0, le=0.2)
    """Edit distance over the length of the longer one."""
    exact_chars: int = Field(default=15, ge=5)
    """Where the shorter one has no more characters, they have to be the same."""
    min_chars: int = Field(default=1, gt=0)


class SpanDedup(EditSpec):
    """Lines, paragraphs or sentences that other documents, or the same, say too; counted over the run."""

    preset: str | None = None
    unit: Literal["line", "paragraph", "sentences", "substring"] = "line"
    sentences: int = Field(default=3, gt=0, le=100)
    """Sentences in a row that are compared as one, for the unit `sentences`."""
    length: int = Field(default=150, ge=20, le=10_000)
    """Characters of the shortest stretch that goes, for the unit `substring`."""
    ignore: Annotated[list[str], BeforeValidator(as_list)] = Field(default_factory=list)
    min_chars: int = Field(default=1, gt=0)
    """What is shorter, so compared, stays."""
    min_count: int = Field(default=2, ge=2)
    """What stands there fewer times stays."""
    keep: Literal["first", "none"] = "first"
    within: Annotated[list[str], BeforeValidator(as_list)] = Field(default_factory=list)
    bucket_documents: int | None = Field(default=None, gt=0)
    """Count in buckets of this many consecutive documents of the input."""

    @model_validator(mode="after")
    def _known(self) -> SpanDedup:
        _each_known("preset", [self.preset] if self.preset is not None else [], PRESETS_OF_SPANS)
        _each_known("ignore", self.ignore, IGNORED)
        given = {"ignore", "min_chars"} & {
            name for name in self.model_fields_set if getattr(self, name) not in ([], 1)
        }
        if given and self.resolve()["unit"] == "substring":
            raise ValueError(
                f"{', '.join(sorted(given))}: substrings are compared character by character; give `length`"
            )
        return self

    def resolve(self) -> dict[str, Any]:
        """Return the options with the preset's filled in; those that change nothing are as if not given."""
        options = super().resolve()
        preset = PRESETS_OF_SPANS[self.preset] if self.preset is not None else {}
        options |= {name: value for name, value in preset.items() if name not in self.model_fields_set}
        del options["preset"]
        options["ignore"] = [name for name in IGNORED if name in options["ignore"]]
        if options["unit"] != "sentences":
            options["sentences"] = 1
        if options["unit"] != "substring":
            options["length"] = self.__class__.model_fields["length"].default
        return options


class Redact(EditSpec):
    """Personal data, replaced by tags."""

    kinds: Annotated[list[str], BeforeValidator(as_list)] = Field(default_factory=lambda: list(NAMES))
    regions: Annotated[list[str], BeforeValidator(as_list)] = Field(default_factory=list)
    """Two-letter codes of regions whose telephone numbers count in their national form too."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Kind -> what stands in its place."""

    @model_validator(mode="after")
    def _known(self) -> Redact:
        _each_known("kind", [*self.kinds, *self.tags], NAMES)
        return self

    def resolve(self) -> dict[str, Any]:
        """Return the kinds in their order, each with its tag, and the regions in order."""
        chosen = [kind.name for kind in chosen_kinds(self.kinds)]
        return {
            **super().resolve(),
            "kinds": chosen,
            "regions": check_regions(self.regions),
            "tags": {name: self.tags.get(name, tag_of(name)) for name in chosen},
        }


def _each_known(what: str, names: Sequence[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"unknown {what} {name!r}. {did_you_mean(name, known)}")


EDIT_KINDS: dict[str, type[EditSpec]] = {
    "normalise": Normalise,
    "repair": Repair,
    "width": Width,
    "simplify": Simplify,
    "drop_lines": DropLines,
    "drop_repeated_lines": DropRepeatedLines,
    "drop_similar_lines": DropSimilarLines,
    "span_dedup": SpanDedup,
    "redact": Redact,
}
