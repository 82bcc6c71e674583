"""The recipe: what a user asks for, checked, with every default spelled out.

A recipe is read once. Its canonical form has profiles inlined, names given and defaults filled in, so
that reformatting a file, or moving it, never changes what has to be done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from datagov.dedup.keeper import KeepPolicy
from datagov.edits import edit_of
from datagov.errors import ConfigError, did_you_mean
from datagov.extras import named
from datagov.ids import digest
from datagov.plain_yaml import read_yaml
from pipelines.coverage import check_coverage
from pipelines.edit_specs import EditSpec
from pipelines.filters import resolve_filter
from pipelines.input_spec import InputSpec
from pipelines.step_specs import KINDS, ExactDedup, Filter, NearDedup
from pipelines.validation import validated

__all__ = ["Recipe", "Step", "load_recipe", "parse_change"]


class Step(BaseModel):
    """One step with its name and its resolved form."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: str
    spec: EditSpec | Filter | ExactDedup | NearDedup
    resolved: dict[str, Any]
    """What the step does, spelled out; this, not the file's wording, is hashed."""
    files: dict[str, str] = Field(default_factory=dict)
    """Digest -> absolute path of the files that `resolved` names by their digest."""


class Recipe(BaseModel):
    """A whole recipe, checked and resolved."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    input: InputSpec
    output: str
    steps: tuple[Step, ...]
    shared_filesystem: bool = False
    where: str
    folder: str = ""
    """The recipe's folder, where modules of user families may lie."""

    def canonical(self) -> dict[str, Any]:
        """Return what is done to the documents, independent of where they lie."""
        return {
            "dataset": self.dataset,
            "input": self.input.record(),
            "steps": [{"name": step.name, "kind": step.kind, **step.resolved} for step in self.steps],
        }

    @property
    def model_files(self) -> dict[str, str]:
        """Digest -> absolute path of the files that models are read from."""
        return dict(pair for step in self.steps for pair in step.files.items())

    @property
    def digest(self) -> str:
        """32 hex digits naming the canonical form."""
        return digest(json.dumps(self.canonical(), sort_keys=True, ensure_ascii=True))


def load_recipe(
    path: Path, *, input_path: str | None = None, output: str | None = None, changes: Sequence[str] = ()
) -> Recipe:
    """Read, change, check and resolve a recipe.

    Parameters
    ----------
    path : Path
        A YAML file.
    input_path, output : str or None
        Take the place of the recipe's own paths, which are relative to the recipe's folder.
    changes : sequence of str
        `STEP/SIGNAL.min=VALUE` for filters, `STEP/key.key=VALUE` for other steps.

    Raises
    ------
    ConfigError
        Says the file, the key, what was expected and the nearest known name.
    """
    raw = _read_yaml(path)
    where = str(path)
    unknown = set(raw) - {"dataset", "input", "output", "steps", "shared_filesystem"}
    for key in sorted(unknown, key=str):
        known = ["dataset", "input", "output", "steps", "shared_filesystem"]
        raise ConfigError(f"{where}: unknown key {key!r}. {did_you_mean(str(key), known)}")
    for key in ("dataset", "input", "output", "steps"):
        given = {"input": input_path, "output": output}.get(key)
        if key not in raw and given is None:
            raise ConfigError(f"{where}: no {key!r}; a recipe needs dataset, input, output and steps")
    dataset = raw["dataset"]
    if not isinstance(dataset, str) or not dataset.strip():
        raise ConfigError(f"{where}: dataset must be a name, not {dataset!r}")
    source = raw.get("input") or {}
    if not isinstance(source, str | dict):
        raise ConfigError(f"{where}: input must be a path or a mapping with `path`, not {source!r}")
    source = {"path": source} if isinstance(source, str) else dict(source)
    if input_path is not None:
        source["path"] = input_path
    elif isinstance(source.get("path"), str):
        source["path"] = _beside(path, source["path"])
    spec = validated(InputSpec, source, f"{where}: input")
    target = output if output is not None else raw["output"]
    if not isinstance(target, str) or not target:
        raise ConfigError(f"{where}: output must be a path, not {target!r}")
    target = target if output is not None else _beside(path, target)
    named = _named_steps(raw["steps"], where)
    for change in changes:
        _change(named, change)
    steps = tuple(_resolve(name, kind, body, where, path.parent) for name, kind, body in named)
    check_coverage(steps, where)
    check_columns_of(steps, spec, where)
    return Recipe(
        dataset=dataset,
        input=spec,
        output=target,
        steps=steps,
        shared_filesystem=bool(raw.get("shared_filesystem", False)),
        where=where,
        folder=str(path.parent.resolve()),
    )


def check_columns_of(steps: Sequence[Step], spec: InputSpec, where: str) -> None:
    """Raise ConfigError where a family measures a column that the input does not name."""
    for step in steps:
        for family in step.resolved.get("families", ()):
            column = family.get("column")
            if column is not None and column not in spec.columns.named():
                raise ConfigError(
                    f"{where}: step {step.name!r}: {family['family']} measures the documents' {column}: name its column, "
                    f"`input: {{{column}: COLUMN}}`"
                )


def _beside(recipe: Path, written: str) -> str:
    """Return a path written in a recipe, made relative to the recipe's folder."""
    return written if "://" in written else str(recipe.parent / written)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        raw = read_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"recipe {path}: no such file; `datagov init DIR` writes one to start from"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"recipe {path}: cannot be read ({error})") from error
    except ConfigError as error:
        raise ConfigError(f"recipe {path}: {error.message}") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"recipe {path}: expected a mapping with dataset, input, output and steps")
    return raw


def _named_steps(raw: Any, where: str) -> list[tuple[str, str, dict[str, Any]]]:
    if not isinstance(raw, list) or not raw:
        raise ConfigError(
            f"{where}: steps must be a list of steps such as `- filter: {{profile: gopher-en}}`"
        )
    found: list[tuple[str | None, str, dict[str, Any]]] = []
    for index, item in enumerate(raw):
        place = f"{where}: steps[{index}]"
        if not isinstance(item, dict):
            raise ConfigError(f"{place}: expected a mapping such as `exact_dedup: {{}}`, got {item!r}")
        kinds = [key for key in item if key != "name"]
        if len(kinds) != 1:
            raise ConfigError(
                f"{place}: expected one step kind (and at most a name), got the keys {', '.join(map(str, item))}; "
                "options of a step stand below its kind"
            )
        kind = kinds[0]
        if kind not in KINDS:
            raise ConfigError(f"{place}: unknown step {kind!r}. {did_you_mean(str(kind), KINDS)}")
        body = item[kind] if item[kind] is not None else {}
        if not isinstance(body, dict):
            raise ConfigError(f"{place}.{kind}: expected a mapping, got {body!r}")
        name = item.get("name")
        if name is not None and (not isinstance(name, str) or not name or "/" in name):
            raise ConfigError(f"{place}: name must be a word without '/', got {name!r}")
        if name == "input":
            raise ConfigError(f"{place}: a step cannot be called 'input'; the ledger calls what comes in so")
        found.append((name, kind, json.loads(json.dumps(body))))
    return _give_names(found, where)


def _give_names(
    found: list[tuple[str | None, str, dict[str, Any]]], where: str
) -> list[tuple[str, str, dict[str, Any]]]:
    unnamed = [kind for name, kind, _ in found if name is None]
    counts: dict[str, int] = {}
    named = []
    for name, kind, body in found:
        if name is None:
            counts[kind] = counts.get(kind, 0) + 1
            name = kind if unnamed.count(kind) == 1 else f"{kind}-{counts[kind]}"  # noqa: PLW2901
        named.append((name, kind, body))
    names = [name for name, _, _ in named]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{where}: two steps are called {name!r}; give each a name of its own")
    return named


def parse_change(change: str) -> tuple[str, list[str], Any]:
    """Read `STEP/KEY.KEY=VALUE` as the step's name, the keys and the value."""
    path, equals, text = change.partition("=")
    name, slash, key = path.partition("/")
    if not equals or not slash or not key:
        raise ConfigError(f"--set {change!r}: expected STEP/SIGNAL.min=VALUE")
    try:
        return name, key.split("."), read_yaml(text)
    except ConfigError as error:
        raise ConfigError(f"--set {change!r}: {error.message}") from error


def _change(steps: list[tuple[str, str, dict[str, Any]]], change: str) -> None:
    """Apply one change to the raw steps."""
    name, keys, value = parse_change(change)
    for step_name, kind, body in steps:
        if step_name != name:
            continue
        if kind == "filter" and keys[-1] in {"min", "max", "missing"}:
            keys = ["bounds", ".".join(keys[:-1]), keys[-1]]
        elif kind == "filter" and len(keys) > 1 and keys[0] not in Filter.model_fields:
            hint = did_you_mean(keys[-1], ("min", "max", "missing"))
            raise ConfigError(f"--set {change!r}: expected {name}/SIGNAL.min, .max or .missing. {hint}")
        target = body
        for inner in keys[:-1]:
            target = target.setdefault(inner, {})
            if not isinstance(target, dict):
                raise ConfigError(f"--set {change!r}: {inner!r} is not a mapping")
        target[keys[-1]] = value
        return
    raise ConfigError(f"--set {change!r}: no step {name!r}. {did_you_mean(name, [s[0] for s in steps])}")


def _resolve(name: str, kind: str, body: Mapping[str, Any], where: str, folder: Path) -> Step:
    place = f"{where}: step {name!r}"
    spec = validated(KINDS[kind], body, place)
    resolved = spec.model_dump(mode="json")
    files: dict[str, str] = {}
    if isinstance(spec, EditSpec):
        resolved = _resolved_edit(spec, kind, place)
    if isinstance(spec, Filter):
        resolved, files = resolve_filter(spec, place, folder.resolve())
    if isinstance(spec, NearDedup):
        bands, rows, k = spec.shape
        resolved = {
            "bands": bands,
            "rows": rows,
            "shingle": k,
            **spec.model_dump(
                include={"seed", "verify", "keep", "within", "tries", "bucket_cap", "alarm", "annotate"}
            ),
        }
    if isinstance(spec, ExactDedup | NearDedup):
        try:
            KeepPolicy.parse(spec.keep)
        except ConfigError as error:
            raise ConfigError(f"{place}: {error.message}") from None
    return Step(name=name, kind=kind, spec=spec, resolved=resolved, files=files)


def _resolved_edit(spec: EditSpec, kind: str, place: str) -> dict[str, Any]:
    """Return an edit's options and the versions of the libraries it needs: another version may give other texts."""
    libraries = edit_of(kind).libraries
    try:
        return {**spec.resolve(), **({"by": named(*libraries)} if libraries else {})}
    except ConfigError as error:
        raise ConfigError(f"{place}: {error.message}") from None
