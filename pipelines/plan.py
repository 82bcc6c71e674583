"""The plan: what a recipe means for the input at hand, before anything is written."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from datagov.dedup.keeper import KeepPolicy
from datagov.documents import list_shards
from datagov.errors import ConfigError, InputError, LedgerError, PartialRun
from datagov.files import Files
from datagov.ids import digest
from datagov.ledger.tables import FORMAT_VERSION
from datagov.places import is_url, resolved
from datagov.shards import Shard, UnreadableShard
from datagov.storage import Folder, folder_of, names_in, read_bytes, read_receipt
from pipelines.edit_specs import SpanDedup
from pipelines.lock import LOCK
from pipelines.parts import Part, check_output_names, cut
from pipelines.products import Product, StepProducts, products_of
from pipelines.recipe import Recipe, Step
from pipelines.step_specs import ExactDedup, NearDedup
from pipelines.texts import Source

__all__ = ["MARKER", "Plan", "make_plan", "run_records", "warnings_of"]

MARKER = "datagov.json"
"""The file that says whose output folder it is."""

RUN_RECORD = re.compile(r"r[0-9]+\.json")

OWN_COLUMNS = ("chars", "doc_id", "ordinal")
"""Names under which elections know a document's length, identity and place in the input."""


@dataclass(frozen=True)
class Plan:
    """Everything the run needs to know, derived from the recipe, the listing and nothing else."""

    recipe: Recipe
    root: str
    """The input's path or URL, as the recipe says it."""
    out: Folder
    sample: float
    shards: tuple[Shard, ...]
    unreadable: tuple[UnreadableShard, ...]
    parts: tuple[Part, ...]
    source: Source
    documents: Product
    by_step: tuple[StepProducts, ...]
    extra_columns: tuple[str, ...]
    """Input columns read besides text, id, source and url: those that dedup steps name."""
    input_digest: str
    """32 hex digits naming the input as listed."""
    settled: Mapping[int, str] = field(default_factory=dict)
    """Position of an edit by run -> the key of what it found; of a filter with a gate (`gates_of`) -> the digest of the
    fates that say who went through. What stands behind the first that is missing is unknown."""

    @property
    def products(self) -> list[Product]:
        """The distinct products that are known so far, documents first."""
        distinct = {self.documents.key: self.documents}
        for step in self.by_step:
            for product in step.products:
                distinct.setdefault(product.key, product)
        return list(distinct.values())

    @property
    def passed_over(self) -> dict[str, int]:
        """Kind -> how many records of the input can be no documents."""
        counts: Counter[str] = Counter()
        for shard in self.shards:
            counts.update(dict(shard.passed_over))
        return dict(sorted(counts.items()))

    def settle(self, position: int, key: str) -> Plan:
        """Return the plan with what was found out for a step (`settled`), and the products known by that."""
        settled = {**self.settled, position: key}
        _, by_step = products_of(self.recipe, sample=self.sample, settled=settled)
        return replace(self, settled=settled, by_step=tuple(by_step))

    def without(self, damaged: Mapping[str, str]) -> Plan:
        """Return the plan without some shards (path -> problem), which count as unreadable."""
        shards = tuple(shard for shard in self.shards if shard.path not in damaged)
        found = tuple(UnreadableShard(path, problem) for path, problem in sorted(damaged.items()))
        return replace(self, shards=shards, unreadable=(*self.unreadable, *found), parts=tuple(cut(shards)))

    def missing(self, part: Part) -> list[Product]:
        """Return the products of a part that are not there yet."""
        inputs = {"modified": [list(item) for item in part.modified]}
        return [
            product
            for product in self.products
            if read_receipt(self.out, product.receipt(part.name), inputs=inputs) is None
        ]

    @property
    def seen_by_every_node(self) -> bool:
        """Whether every node of a cluster finds input and output under the same names."""
        return self.recipe.shared_filesystem or (is_url(self.source.root) and is_url(str(self.out)))

    def run_id(self, records: Mapping[str, Mapping[str, Any]] | None = None) -> str:
        """Return the run this plan continues or repeats, or the next free one; `records` are those of the folder."""
        if records is None:
            records = run_records(self.out)
        for name, record in records.items():
            if (record["recipe_digest"], record["input"]["digest"]) == (
                self.recipe.digest,
                self.input_digest,
            ):
                return name
        highest = max((int(name[1:]) for name in records), default=0)
        return f"r{highest + 1}"


def make_plan(recipe: Recipe, *, sample: float = 1.0) -> Plan:
    """List the input, cut it into parts, and check the output folder; nothing is written.

    Raises
    ------
    InputError
        The input is missing, empty or lacks a column, or two shards would be written to one file.
    ConfigError
        The output folder belongs to another dataset or input, or the sample is not in (0, 1].
    """
    if not 0 < sample <= 1:
        raise ConfigError(f"--sample {sample}: expected a fraction above 0 and at most 1")
    root = recipe.input.path
    extra = _extra_columns(recipe)
    form = recipe.input.form(tuple(extra.values()))
    shards, unreadable = list_shards(root, form, extra)
    if not shards:
        problems = "; ".join(f"{shard.path}: {shard.problem}" for shard in unreadable[:10])
        raise InputError(f"input {root}: none of its {len(unreadable)} shard(s) can be read ({problems})")
    documents, by_step = products_of(recipe, sample=sample)
    parts = cut(shards)
    check_output_names(parts)
    plan = Plan(
        recipe=recipe,
        root=root,
        out=folder_of(recipe.output),
        sample=sample,
        shards=tuple(shards),
        unreadable=tuple(unreadable),
        parts=tuple(parts),
        source=Source(
            root=resolved(root),
            dataset=recipe.dataset,
            form=form,
            sample=sample,
            modules=recipe.folder,
            model_files=recipe.model_files,
        ),
        documents=documents,
        by_step=tuple(by_step),
        extra_columns=tuple(dict.fromkeys(extra.values())),
        input_digest=_input_digest(parts, unreadable, sample),
    )
    try:
        check_marker(plan)
    except PartialRun as error:
        raise ConfigError(f"output {plan.out}: {error.message}") from error
    return plan


def run_records(out: Folder) -> dict[str, dict[str, Any]]:
    """Return the manifests of an output folder's runs by name, in the order of their numbers.

    Raises
    ------
    LedgerError
        One of them is not a manifest.
    """
    records = {}
    numbered = [name.removesuffix(".json") for name in names_in(out, "runs") if RUN_RECORD.fullmatch(name)]
    for run in sorted(numbered, key=lambda run: int(run[1:])):
        try:
            records[run] = json.loads(read_bytes(out, f"runs/{run}.json") or b"")
        except ValueError as error:
            raise LedgerError(
                f"{out}/runs/{run}.json: not a run manifest ({error}); move it away, then run its recipe again"
            ) from error
    return records


def marker_of(plan: Plan) -> dict[str, Any]:
    """Return what the output folder's marker says."""
    return {"format": FORMAT_VERSION, "dataset": plan.recipe.dataset, "input": plan.source.root}


def check_marker(plan: Plan) -> None:
    """Refuse an output folder that holds something else.

    Raises
    ------
    ConfigError
    """
    wanted = marker_of(plan)
    root, out = PurePosixPath(plan.source.root), PurePosixPath(resolved(str(plan.out)))
    if isinstance(plan.out, Path) and plan.out.exists() and not plan.out.is_dir():
        raise ConfigError(f"output {plan.out}: is a file, expected a folder")
    if root in out.parents and not Files(plan.source.root).single:
        raise ConfigError(
            f"output {plan.out}: lies inside the input {plan.root}, so that the next run would take what this one "
            "writes for documents; choose a folder beside it"
        )
    marker = read_bytes(plan.out, MARKER)
    if marker is None:
        if all(_before_marker(name) for name in names_in(plan.out)):
            return
        # A run that began in between puts its marker before all else.
        marker = read_bytes(plan.out, MARKER)
    if marker is None:
        raise ConfigError(
            f"output {plan.out}: holds files that are not a datagov output; choose an empty folder"
        )
    try:
        found = json.loads(marker)
    except ValueError as error:
        raise ConfigError(f"{plan.out}/{MARKER}: not a datagov marker ({error})") from error
    for key, what in (
        ("format", "another format of datagov"),
        ("dataset", "another dataset"),
        ("input", "another input"),
    ):
        if found.get(key) != wanted[key] and not (key == "input" and _known_parts(plan)):
            raise ConfigError(
                f"output {plan.out} belongs to {what}: {found.get(key)!r}, this recipe says {wanted[key]!r}. "
                "Choose another output folder (--output), or delete that one"
            )
    if root == out or out in root.parents:
        raise ConfigError(f"output {plan.out}: the input lies inside it")


def _before_marker(name: str) -> bool:
    """Whether a run that was stopped before it marked its folder may have left this entry."""
    return name == LOCK or (name.startswith(f".{MARKER}.") and name.endswith(".tmp"))


def _known_parts(plan: Plan) -> bool:
    """Return whether a run in the output folder was of parts of this input, wherever that lay."""
    names = {part.name for part in plan.parts}
    return any(
        names & {part["name"] for part in record["parts"]} for record in run_records(plan.out).values()
    )


def warnings_of(recipe: Recipe) -> list[str]:
    """Return what a reader of the plan should know before running it."""
    found = []
    seen_dedup: Step | None = None
    seen_spans: Step | None = None
    for step in recipe.steps:
        if isinstance(step.spec, ExactDedup | NearDedup):
            seen_dedup = step
        elif isinstance(step.spec, SpanDedup):
            seen_spans = step if step.spec.keep == "first" else seen_spans
        elif step.kind == "filter" and seen_spans is not None and seen_dedup is None:
            found.append(
                f"step {step.name!r} filters after {seen_spans.name!r}: where it removes a document that held the only "
                "copy kept of a stretch of text, that stretch is gone as well"
            )
        elif step.kind == "filter" and seen_dedup is not None:
            found.append(
                f"step {step.name!r} filters after {seen_dedup.name!r}: where it removes a document that was kept "
                "for its copies, those copies are gone as well (counted as orphaned)"
            )
    return found


def _input_digest(parts: Sequence[Part], unreadable: Sequence[UnreadableShard], sample: float) -> str:
    listing = [[part.name, part.modified] for part in parts]
    return digest(json.dumps([listing, [shard.path for shard in unreadable], sample]))


def _extra_columns(recipe: Recipe) -> dict[str, str]:
    """Return what names a column in the dedup steps -> the input column, but for those of the input's roles."""
    named: dict[str, str] = {}
    roles = recipe.input.columns.named()
    for step in recipe.steps:
        if not isinstance(step.spec, ExactDedup | NearDedup | SpanDedup):
            continue
        ranking = () if isinstance(step.spec, SpanDedup) else KeepPolicy.parse(step.spec.keep).columns
        for column in ranking:
            if column in OWN_COLUMNS:
                raise ConfigError(
                    f"{recipe.where}: step {step.name!r}: keep cannot rank by a column called {column!r}, which is "
                    "datagov's own name for another thing; rename the column (for the length of the text write "
                    "`longest` or `shortest`)"
                )
        on = [step.spec.on] if isinstance(step.spec, ExactDedup) and step.spec.on != "text" else []
        for column in [*ranking, *step.spec.within, *on]:
            if roles.get(column, column) not in roles.values():
                named[f"step {step.name!r} ({column})"] = column
    return named
