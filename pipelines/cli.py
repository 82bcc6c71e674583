"""The writing commands: init, plan, run, status, demo; and what-if, which runs a recipe where it has to."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

import signal
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datagov import terminal
from datagov.doctor import usable_cpus
from datagov.errors import ConfigError
from pipelines import find_strings_cli, frequency_cli, train_cli
from pipelines.recipes import RECIPES, recipe_text

if TYPE_CHECKING:
    from pipelines.plan import Plan
    from pipelines.progress import Observer

__all__ = ["register"]

RecipeArgument = Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe (YAML).")]
InputOption = Annotated[
    str | None, typer.Option("--input", metavar="PATH", help="Instead of the recipe's input.path.")
]
OutputOption = Annotated[
    str | None, typer.Option("--output", metavar="PATH", help="Instead of the recipe's output.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Change the recipe: STEP/SIGNAL.min=VALUE. May be repeated."
    ),
]
SampleOption = Annotated[
    float, typer.Option("--sample", metavar="FRACTION", help="Only this share of the documents.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the writing commands to the root command."""
    app.command("init")(init_command)
    app.command("plan")(plan_command)
    app.command("run")(run_command)
    app.command("status")(status_command)
    app.command("what-if")(what_if_command)
    app.command("demo")(demo_command)
    frequency_cli.register(app)
    find_strings_cli.register(app)
    train_cli.register(app)


def init_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to put the recipe.")],
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="NAME", help=f"Which: {', '.join(RECIPES)}.")
    ] = "bilingual",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written, write nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a recipe to start from."""
    text = recipe_text(recipe)
    target = folder / "recipe.yaml"
    if target.exists():
        raise ConfigError(f"{target}: exists already; it was left as it is")
    if not dry_run:
        folder.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    if as_json:
        terminal.print_json({"recipe": str(target), "written": not dry_run})
    else:
        terminal.line(f"{'would write' if dry_run else 'wrote'} {target}")
    terminal.note(
        f"Put Parquet shards in {folder / 'corpus'}, or name their folder in the recipe's input.path; then"
    )
    terminal.note(f"  datagov plan {target}")


def plan_command(
    recipe: RecipeArgument,
    input_path: InputOption = None,
    output: OutputOption = None,
    changes: SetOption = None,
    sample: SampleOption = 1.0,
    documents: Annotated[
        str | None,
        typer.Option(
            "--documents", metavar="N", help="Measure one part, and say what N documents would take."
        ),
    ] = None,
    made_text: Annotated[
        bool, typer.Option("--made-text", help="With --documents: measure made text, without an input.")
    ] = False,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="With --documents: how many machines.")] = 1,
    cpus: Annotated[
        int | None, typer.Option("--cpus", min=1, help="With --documents: CPUs of each; default as here.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a run would do and what it would reuse; nothing is written."""
    if documents is not None:
        from pipelines.capacity import Nodes, capacity_lines, estimate
        from pipelines.recipe import load_recipe

        loaded = load_recipe(recipe, input_path=input_path, changes=changes or ())
        estimated = estimate(loaded, documents, Nodes(nodes, cpus or usable_cpus()), made_text=made_text)
        if as_json:
            terminal.print_json(estimated)
        else:
            terminal.print_table(["what", "how much"], capacity_lines(estimated))
        for warning in estimated["warnings"]:
            terminal.note(f"warning: {warning}")
        return
    from pipelines.outlook import summary
    from pipelines.report import print_plan

    found = summary(_plan(recipe, input_path, output, changes, sample))
    if as_json:
        terminal.print_json(found)
    else:
        print_plan(found)


def run_command(
    recipe: RecipeArgument,
    input_path: InputOption = None,
    output: OutputOption = None,
    executor: Annotated[str, typer.Option("--executor", help="local, or ray.")] = "local",
    workers: Annotated[int | None, typer.Option("--workers", help="Processes; default one a CPU.")] = None,
    address: Annotated[
        str | None, typer.Option("--address", help="A Ray cluster; default: one on this machine.")
    ] = None,
    part: Annotated[
        str | None,
        typer.Option("--part", metavar="I/N", help="Only measure share I of N (job arrays), from 1."),
    ] = None,
    sample: SampleOption = 1.0,
    changes: SetOption = None,
    log: Annotated[
        str | None, typer.Option("--log", metavar="FILE", help="Add JSON lines to a file; - is stderr.")
    ] = None,
    metrics: Annotated[
        Path | None, typer.Option("--metrics", metavar="FILE", help="Keep a Prometheus text file.")
    ] = None,
    metrics_port: Annotated[
        str | None,
        typer.Option("--metrics-port", metavar="[HOST:]PORT", help="Answer Prometheus on a port."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a recipe; a run that was stopped continues where it was."""
    from pipelines.executors import make_executor
    from pipelines.lock import output_lock
    from pipelines.progress import Reporter
    from pipelines.report import print_share, print_summary, run_record
    from pipelines.run import run

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a scheduler's stop is a stop like Ctrl-C
    share = _share(part)
    plan = _plan(recipe, input_path, output, changes, sample)
    doer = make_executor(
        executor, workers=workers, address=address, shared_filesystem=plan.seen_by_every_node
    )
    with closing(doer), output_lock(plan.out, shared=share is not None):
        try:
            observers = _observers(log, metrics, metrics_port)
            with Reporter(quiet=quiet, silent=log == "-", observers=observers) as reporter:
                manifest = run(plan, doer, reporter, share=share)
        except KeyboardInterrupt:
            terminal.note("Stopped. What was finished is kept; the same command continues.")
            raise
    if as_json:
        terminal.print_json(run_record(plan, manifest))
    elif share is not None:
        print_share(plan, share)
    else:
        print_summary(plan, manifest)


def status_command(
    out: Annotated[str, typer.Argument(metavar="OUT", help="Output folder.")],
    as_json: JsonOption = False,
) -> None:
    """List the runs of an output folder and how far they are."""
    from datagov.storage import folder_of
    from pipelines.report import print_status, status_of

    found = status_of(folder_of(out))
    if as_json:
        terminal.print_json(found)
    else:
        print_status(found)


def what_if_command(
    ledger: Annotated[
        str,
        typer.Option("--ledger", metavar="OUT", help="Output folder of a run, or OUT@r1 for one run of it."),
    ] = ".",
    changes: SetOption = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Compare the texts that have to be compared: exact, as a full run."),
    ] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes of --verify; default one a CPU.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what a run would have removed with other bounds; nothing is measured again, no run is made."""
    from datagov.ledger.reader import Ledger
    from datagov.places import is_url
    from pipelines.executors import make_executor
    from pipelines.progress import Reporter
    from pipelines.what_if import what_if
    from pipelines.what_if.rerun import rerun
    from pipelines.what_if.what_if_text import print_answer

    if workers is not None and not verify:
        raise ConfigError("--workers goes with --verify")
    if verify and is_url(ledger):
        raise ConfigError(
            f"--verify runs the recipe in a scratch folder beside {ledger}, and that is an object store: copy the output "
            "to this machine first"
        )
    opened = Ledger.open(ledger)
    if verify:
        doer = make_executor("local", workers=workers, address=None, shared_filesystem=False)
        try:
            with Reporter(quiet=quiet) as reporter:
                found = what_if(
                    opened, changes or (), verify=lambda base, recipe: rerun(base, recipe, doer, reporter)
                )
        finally:
            doer.close()
    else:
        found = what_if(opened, changes or ())
    if as_json:
        terminal.print_json(found)
    else:
        print_answer(found)


def demo_command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to make the demo corpus and its output.")
    ],
    documents: Annotated[int, typer.Option("--documents", min=200, help="About how many documents.")] = 3000,
    workers: Annotated[int | None, typer.Option("--workers", help="Processes; default one a CPU.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a bilingual corpus with planted duplicates and junk, govern it, and check what was found."""
    from pipelines.demo import demo

    raise typer.Exit(0 if demo(folder, documents=documents, workers=workers, as_json=as_json) else 1)


def _plan(
    recipe: Path, input_path: str | None, output: str | None, changes: list[str] | None, sample: float
) -> Plan:
    from pipelines.plan import make_plan
    from pipelines.recipe import load_recipe

    loaded = load_recipe(recipe, input_path=input_path, output=output, changes=changes or ())
    return make_plan(loaded, sample=sample)


def _observers(log: str | None, metrics: Path | None, port: str | None) -> list[Observer]:
    found: list[Observer] = []
    if log is not None:
        from pipelines.run_log import RunLog

        found.append(RunLog(log))
    if metrics is not None or port is not None:
        from pipelines.run_metrics import RunMetrics

        found.append(RunMetrics(textfile=metrics, port=port))
    return found


def _share(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, slash, second = text.partition("/")
    if not slash or not first.isdigit() or not second.isdigit() or not 1 <= int(first) <= int(second):
        raise ConfigError(f"--part {text}: expected I/N with 1 <= I <= N, such as 3/16")
    return int(first), int(second)
