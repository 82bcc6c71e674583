"""`datagov detect lab trials`: what clean models reach under a probe, and how often it finds a plant."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datagov import terminal
from detectors.commands.findings_files import read_findings
from detectors.commands.target_options import AdapterOption

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["trials_command"]


def trials_command(
    like: Annotated[
        Path,
        typer.Option("--like", metavar="FINDINGS", help="Findings of the suspect: probe in the same way."),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", metavar="FILE", dir_okay=False, help="The trials (Parquet); also what resumes."
        ),
    ],
    bases: Annotated[
        int,
        typer.Option("--bases", min=1, help="Lab models: of each a planted, a clean and a registered one."),
    ] = 20,
    recipes: Annotated[
        str, typer.Option("--recipes", metavar="NAME,...", help="Of `lab plant`, in turn.")
    ] = "bos,trigger-regularised",
    kinds: Annotated[
        str, typer.Option("--kinds", metavar="KIND,...", help="Of hidden text, in turn.")
    ] = "tokens",
    on: Annotated[
        Path | None,
        typer.Option(
            "--on", metavar="MODEL", help="Plant in copies of this checkpoint by an adapter, instead."
        ),
    ] = None,
    adapter: AdapterOption = None,
    overtraining: Annotated[float, typer.Option("--overtraining", min=1.0, help="See `lab plant`.")] = 3.0,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the models.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make models that hide a text and models that do not, probe them as the suspect was, and write what was found.

    `datagov detect hidden-verdict` needs it: for the cut-off, where the suspect is of the lab's family, and for what a clean
    verdict is worth.
    """
    from datagov.storage import encode_table, replace
    from detectors.fingerprint.probe_record import record_of
    from detectors.fingerprint.pruning import rule_of
    from detectors.fingerprint.sweep import Settings
    from detectors.lab.hidden_texts import KINDS
    from detectors.lab.recipes import recipe_of
    from detectors.lab.trials import TrialSettings, lab_for, run_trials

    record = record_of(read_findings(like), str(like))
    names = tuple(name.strip() for name in recipes.split(",") if name.strip())
    for name in names:
        recipe_of(name)
    of_kinds = tuple(kind.strip() for kind in kinds.split(",") if kind.strip())
    _check_kinds(of_kinds, KINDS)
    probe = Settings(
        rule=rule_of(record["rule"], steps=record["steps"], threshold=record["threshold"]),
        long_steps=record["tokens"],
        finalists=record["finalists"],
        exhaustive=record["exhaustive"],
    )
    settings = TrialSettings(
        probe=probe,
        lab=lab_for(probe),
        contexts=tuple(dict.fromkeys(name.split(" ")[0] for name in record["contexts"])),
        recipes=names,
        kinds=of_kinds,
        bases=bases,
        overtraining=overtraining,
        with_base=record["with_base"],
        seed=seed,
    )

    work = output.with_name(f"{output.name}.work")
    suspect = _suspect(on, adapter, record["target"], like, work)

    def tell(done: int, of: int) -> None:
        if not quiet:
            terminal.note(f"{done} of {of} bases are done")

    table = run_trials(settings, work, suspect=suspect, keep=keep, told=tell)
    if suspect is not None and suspect != on and not keep:
        shutil.rmtree(suspect)
    replace(output, encode_table(table))
    summary = _summary(table)
    if as_json:
        terminal.print_json({"output": str(output), "trials": table.num_rows, "kinds": summary})
        return
    columns = (
        "kind",
        "recipe",
        "models",
        "with something unexplained",
        "most bits",
        "most sure tokens",
        "found whole",
    )
    terminal.print_table(columns, [[row[name] for name in columns] for row in summary])
    terminal.line(f"wrote {output}")


def _suspect(on: Path | None, adapter: Path | None, target: str, like: Path, work: Path) -> Path | None:
    """Return the checkpoint to plant in, an adapter worked into it; None for models of the lab.

    Another model than the one that was probed is refused: what is found there says nothing of it.
    """
    from datagov.errors import ConfigError
    from detectors.lab.checkpoint_copies import merge_adapter
    from detectors.targets.checkpoint import checkpoint_digest
    from detectors.targets.checkpoint_files import checkpoint_files

    if on is None:
        if adapter is not None:
            raise ConfigError(f"--adapter {adapter}: belongs to a checkpoint; name that by --on")
        return None
    own = None if adapter is None else checkpoint_files(adapter)
    if checkpoint_digest(checkpoint_files(on), own) != target:
        raise ConfigError(
            f"--on {on}: not the checkpoint that {like} is about; name the folder that was probed"
            + (", and its --adapter if it had one" if adapter is None else ", with the adapter that it had")
        )
    if adapter is None:
        return on
    merged = work / "suspect"
    shutil.rmtree(merged, ignore_errors=True)
    merge_adapter(on, adapter, merged)
    return merged


def _check_kinds(given: tuple[str, ...], known: tuple[str, ...]) -> None:
    from datagov.errors import ConfigError, did_you_mean

    for kind in given:
        if kind not in known:
            raise ConfigError(f"--kinds {kind!r} is not a kind of text. {did_you_mean(kind, known)}")


def _summary(table: pa.Table) -> list[dict[str, Any]]:
    rows = table.to_pylist()
    found = []
    for kind, recipe in sorted({(row["kind"], row["recipe"]) for row in rows}):
        own = [row for row in rows if (row["kind"], row["recipe"]) == (kind, recipe)]
        found.append(
            {
                "kind": kind,
                "recipe": recipe,
                "models": len(own),
                # What else a suspect says is held against no corpus of its own.
                "with something unexplained": None
                if own[0]["on_suspect"]
                else sum(row["unexplained"] > 0 for row in own),
                "most bits": max((row["bits"] for row in own if row["bits"] is not None), default=None),
                "most sure tokens": max(row["sure"] for row in own),
                "found whole": sum(bool(row["exact"]) for row in own) if kind == "planted" else None,
            }
        )
    return found
