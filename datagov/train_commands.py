"""The commands that make classifiers, write cards for models made elsewhere, and evaluate both."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs; typer passes arguments by name

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from datagov import terminal
from datagov.errors import ConfigError

if TYPE_CHECKING:
    from datagov.classifiers.training import Plan

__all__ = ["register"]

Data = Annotated[list[Path], typer.Argument(metavar="DATA...", help="Parquet files of labelled documents.")]
TextOption = Annotated[str, typer.Option("--text", help="Column with the texts.")]
LabelOption = Annotated[
    str, typer.Option("--label", help="Column with the labels: strings, whole numbers or booleans.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FormOption = Annotated[
    Literal["none", "NFC", "NFKC", "NFD", "NFKD"],
    typer.Option("--form", help="Unicode normal form texts are brought to."),
]
CutOption = Annotated[
    Literal["words", "characters", "as_is"] | None,
    typer.Option(
        "--cut", help="fastText: tokens are words (default), characters, or what white space parts."
    ),
]
LowerOption = Annotated[bool, typer.Option(help="fastText: tokens in lower case.")]


def register(app: typer.Typer) -> None:
    """Add `train` to the root command."""
    train = typer.Typer(
        no_args_is_help=True, help="Make models for `models` of a filter, and evaluate classifiers."
    )
    train.command("classifier")(classifier_command)
    train.command("card")(card_command)
    train.command("evaluate")(evaluate_command)
    app.add_typer(train, name="train")


def classifier_command(
    data: Data,
    output: Annotated[Path, typer.Option("--output", help="The classifier's folder; must not exist.")],
    kind: Annotated[
        Literal["linear", "fasttext"],
        typer.Option("--kind", help="Linear over n-grams, the stronger one on short texts; or fastText."),
    ] = "linear",
    text: TextOption = "text",
    label: LabelOption = "label",
    group: Annotated[
        str | None, typer.Option("--group", help="Column; documents of one group are held out together.")
    ] = None,
    positive: Annotated[
        str | None, typer.Option("--positive", help="The label that scores speak of; else the last one.")
    ] = None,
    evaluate: Annotated[
        list[Path] | None,
        typer.Option("--evaluate", help="Held-out documents, with the same columns; may be repeated."),
    ] = None,
    calibration: Annotated[
        Literal["isotonic", "platt"], typer.Option(help="How scores become probabilities.")
    ] = "isotonic",
    folds: Annotated[int, typer.Option(min=2, help="Parts that are held out in turn.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the folds, and of fastText.")] = 0,
    form: FormOption = "none",
    chars: Annotated[
        str | None, typer.Option(metavar="N-M", help="linear: character n-grams (1-4), or 'none'.")
    ] = None,
    words: Annotated[
        int | None, typer.Option(min=0, max=3, help="Longest word n-gram (2; fastText: wordNgrams).")
    ] = None,
    smoothing: Annotated[
        float | None, typer.Option(help="linear: of the log-count ratio (3); 0 weighs by none.")
    ] = None,
    cost: Annotated[float | None, typer.Option(help="linear: inverse of the regularisation (3).")] = None,
    min_count: Annotated[
        int | None, typer.Option(min=1, help="Documents (linear: 2), or uses (fastText: 1), of a feature.")
    ] = None,
    cut: CutOption = None,
    lower: LowerOption = True,
    dim: Annotated[int | None, typer.Option(min=1, help="fastText: size of vectors (100).")] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="fastText: passes over the documents (5).")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="fastText: learning rate (0.1).")] = None,
    subwords: Annotated[
        str | None, typer.Option(metavar="N-M", help="fastText: character n-grams inside words (none).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a classifier from labelled documents, calibrate it, and evaluate it on documents held out.

    Writes a folder with card.json and the weights. A recipe names the card: models: {my_name: {family: classifier,
    model: FOLDER/card.json}}.
    """
    from datagov.classifiers.labelled import read_labelled
    from datagov.classifiers.saving import refuse_existing
    from datagov.classifiers.training import train

    refuse_existing(output)
    found = read_labelled(data, text=text, label=label, group=group)
    held_out = (
        read_labelled(evaluate, text=text, label=label, labels=found.labels) if evaluate is not None else None
    )
    own = {"cut": cut, "dim": dim, "epochs": epochs, "rate": rate, "subwords": subwords}
    if kind == "linear":
        refuse_given(own, kind)
        plan = linear_plan(form, chars, words, smoothing, cost, min_count)
    else:
        refuse_given({"chars": chars, "smoothing": smoothing, "cost": cost}, kind)
        settings = {"dim": dim, "epoch": epochs, "lr": rate, "wordNgrams": words, "minCount": min_count}
        plan = fasttext_plan(form, cut or "words", lower, settings, subwords, len(found.labels), seed)
    plan = type(plan)(
        plan.reading, plan.settings, positive=positive or "", method=calibration, folds=folds, seed=seed
    )
    card = train(output, found, plan, held_out)
    if as_json:
        terminal.print_json(card.model_dump(mode="json", exclude={"calibration"}))
        return
    terminal.heading(f"{output}: {', '.join(card.labels)}, scores speak of {card.positive!r}")
    for name in ("cross_validation", "held_out"):
        if name in card.evaluation:
            print_report(name.replace("_", " "), card.evaluation[name], card.evaluation.get("threshold"))
    for name, said in card.evaluation["kept_model"].items():
        share, mean = said["share"], said["mean_probability"]
        if not (share / 2 <= mean <= 2 * share and (1 - share) / 2 <= 1 - mean):
            terminal.note(
                f"warning: {share:.0%} of the documents are {name!r}, and the kept model gives them {mean:.0%} on average: its "
                "outputs are not those that were calibrated, so that its scores are no probabilities. Train on more "
                "documents, or a fastText classifier for more epochs (--epochs)"
            )


def refuse_given(options: dict[str, Any], kind: str) -> None:
    """Raise ConfigError where an option of the other kind of classifier is given."""
    for name, value in options.items():
        if value is not None:
            raise ConfigError(f"--{name} does not go with --kind {kind}.")


def linear_plan(
    form: str,
    chars: str | None,
    words: int | None,
    smoothing: float | None,
    cost: float | None,
    min_count: int | None,
) -> Plan:
    """Return how a linear classifier is made with these options."""
    from datagov.classifiers.card import NGrams
    from datagov.classifiers.linear_training import LinearSettings
    from datagov.classifiers.training import Plan

    given: dict[str, Any] = {"smoothing": smoothing, "cost": cost, "min_documents": min_count}
    settings = LinearSettings(**{name: value for name, value in given.items() if value is not None})
    if settings.cost <= 0 or (settings.smoothing or 0) < 0:
        raise ConfigError("--cost must be greater than 0, and --smoothing not less.")
    sizes = None if chars == "none" else two_sizes("--chars", chars or "1-4")
    if sizes is None and words == 0:
        raise ConfigError("--chars none with --words 0 leaves nothing to weigh.")
    return Plan(NGrams(form=formed(form), chars=sizes, words=2 if words is None else words), settings)


def fasttext_plan(
    form: str, cut: Any, lower: bool, options: dict[str, Any], subwords: str | None, labels: int, seed: int
) -> Plan:
    """Return how a fastText classifier is made with these options."""
    from datagov.classifiers.card import Tokens
    from datagov.classifiers.fasttext_training import FastTextSettings
    from datagov.classifiers.tokens import LABEL
    from datagov.classifiers.training import Plan

    given = {name: value for name, value in options.items() if value is not None} | {"seed": seed}
    if subwords is not None:
        given["minn"], given["maxn"] = two_sizes("--subwords", subwords)
    outputs = [f"{LABEL}{at}" for at in range(labels)]
    return Plan(Tokens(form=formed(form), cut=cut, lower=lower, outputs=outputs), FastTextSettings(**given))


def formed(form: str) -> Any:
    """Return a normal form, None for none."""
    return None if form == "none" else form


def two_sizes(option: str, written: str) -> tuple[int, int]:
    """Read `1-4`."""
    first, _, last = written.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last) <= 16):
        raise ConfigError(f"{option} {written!r}: expected two sizes from 1 to 16, such as 1-4.")
    return int(first), int(last)


def card_command(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A supervised fastText model, .bin or .ftz.")
    ],
    positive: Annotated[str, typer.Option("--positive", help="The label that scores speak of.")],
    form: FormOption = "none",
    cut: CutOption = None,
    lower: LowerOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write card.json beside a fastText model made elsewhere, so that recipes can name it.

    Say how its texts were cut: a model is worth what it is asked. Its scores stay as they are, not calibrated.
    """
    from datagov.classifiers.adopting import adopt

    card = adopt(model, positive=positive, form=formed(form), cut=cut or "as_is", lower=lower)
    if as_json:
        terminal.print_json(card.model_dump(mode="json"))
        return
    terminal.line(f"{model.with_name('card.json')}: labels {', '.join(card.labels)}")


def evaluate_command(
    card: Annotated[Path, typer.Argument(metavar="CARD", help="A classifier's card.json.")],
    data: Data,
    text: TextOption = "text",
    label: LabelOption = "label",
    as_json: JsonOption = False,
) -> None:
    """Say how well a classifier does on labelled documents whose labels are its own."""
    from datagov.classifiers.labelled import read_labelled
    from datagov.classifiers.model import load
    from datagov.classifiers.training import evaluate
    from datagov.model_files import model_file

    classifier = load(model_file(card))
    found = read_labelled(data, text=text, label=label, labels=classifier.card.labels)
    told = evaluate(classifier, found)
    if as_json:
        terminal.print_json(told)
    else:
        print_report(", ".join(map(str, data)), told, classifier.card.evaluation.get("threshold"))


def print_report(title: str, told: dict[str, Any], threshold: float | None) -> None:
    """Print a report as tables."""
    at = "" if threshold is None else f" (threshold {threshold})"
    terminal.heading(f"{title}: {told['documents']} documents, macro-F1 {told['macro_f1']:.4f}{at}")
    rows = [(name, *each.values()) for name, each in told["by_label"].items()]
    terminal.print_table(("label", "precision", "recall", "f1", "documents"), rows)
    if "thresholds" in told:
        terminal.line(
            f"AUROC {terminal.cell(told['auroc'])}, Brier {told['brier']:.4f}, expected calibration error "
            f"{told['expected_error']:.4f}"
        )
        columns = ("threshold", "flagged", "precision", "recall", "false_positive_rate")
        terminal.print_table(columns, [[row[name] for name in columns] for row in told["thresholds"]])
