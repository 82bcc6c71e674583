"""`datagov train lm` and `train lm-card`: language models of one's own, and cards for those of others."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from datagov import terminal
from datagov.errors import ConfigError

__all__ = ["register"]

PUBLISHED = {"zh": (1460.0, 1950.0), "en": (340.0, 520.0)}
"""Language -> cc_net's limits at the percentiles 30 and 60, from data/cutoff.csv."""


class TokensOf(StrEnum):
    """What a model's n-grams are of."""

    characters = "characters"
    words = "words"
    pieces = "pieces"


class Normal(StrEnum):
    """What is done to a text first."""

    as_is = "as_is"
    cc_net = "cc_net"


class SentencesOf(StrEnum):
    """What a model takes for a sentence."""

    lines = "lines"
    document = "document"


TokensOption = Annotated[TokensOf, typer.Option("--tokens", help="What n-grams are of.")]
PiecesOption = Annotated[
    Path | None,
    typer.Option("--sentencepiece", metavar="FILE", help="SentencePiece model, for --tokens pieces."),
]
NormalOption = Annotated[Normal, typer.Option("--normal", help="What is done to a text first.")]
SentencesOption = Annotated[SentencesOf, typer.Option("--sentences", help="What a sentence is.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add `lm` and `lm-card` to the core's `train`: their corpora are read as pipelines read them."""
    train = next(group.typer_instance for group in app.registered_groups if group.name == "train")
    if train is not None:
        train.command("lm")(lm_command)
        train.command("lm-card")(card_command)


def lm_command(
    place: Annotated[
        str, typer.Argument(metavar="RECIPE|INPUT", help="A recipe (its input is read), or Parquet shards.")
    ],
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="A new folder for the model.")],
    tokens: TokensOption = TokensOf.words,
    pieces: PiecesOption = None,
    normal: NormalOption = Normal.as_is,
    sentences: SentencesOption = SentencesOf.lines,
    text: Annotated[
        str, typer.Option("--text", help="Column with the text; a recipe names its own.")
    ] = "text",
    order: Annotated[int, typer.Option("--order", help="Longest n-gram, 2 to 6.")] = 5,
    prune: Annotated[
        str,
        typer.Option("--prune", metavar="N,N,...", help="Leave out n-grams seen at most so often, by order."),
    ] = "",
    memory: Annotated[str, typer.Option("--memory", help="Most memory to sort in: 2G, 50%.")] = "1G",
    arpa: Annotated[
        bool, typer.Option("--arpa", help="Keep an ARPA file instead of KenLM's binary.")
    ] = False,
    lmplz: Annotated[
        Path | None,
        typer.Option("--lmplz", metavar="PROGRAM", help="KenLM's trainer; `make lmplz` builds it."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a KenLM model on a corpus, for the signal `perplexity`."""
    from pipelines.corpus_scan import RECIPES, open_corpus
    from pipelines.input_spec import InputSpec
    from pipelines.lm_training import LmSettings, reading_of, train_lm

    if text != "text" and place.endswith(RECIPES):
        raise ConfigError("--text: the recipe names the text column; leave the option out")
    if not all(number.strip().isdecimal() for number in prune.split(",") if prune):
        raise ConfigError(f"--prune {prune!r}: expected numbers such as 0,0,1")
    settings = LmSettings(order, tuple(map(int, prune.split(","))) if prune else (), memory, arpa)
    reading = reading_of(tokens.value, normal=normal.value, sentences=sentences.value, pieces=pieces)
    corpus = open_corpus(place, None if place.endswith(RECIPES) else InputSpec(path=place, text=text))
    card = train_lm(corpus, output, reading, settings, pieces=pieces, lmplz=lmplz)
    if as_json:
        terminal.print_json(card.model_dump(mode="json"))
        return
    facts = {name: card.training[name] for name in ("documents", "sentences", "tokens", "set_aside", "order")}
    terminal.print_table(["what", "value"], [*facts.items(), ("model", str(output / card.model.file))])


def card_command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="An ARPA file or a binary of KenLM.")],
    tokens: TokensOption,
    pieces: PiecesOption = None,
    normal: NormalOption = Normal.as_is,
    sentences: SentencesOption = SentencesOf.lines,
    cc_net: Annotated[
        str | None,
        typer.Option(
            "--cc-net", metavar="LANGUAGE", help="It is cc_net's model of this language: its buckets apply."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say how a model that is there already reads texts: writes its card beside it."""
    from datagov.lm.card import Buckets
    from pipelines.lm_training import reading_of, write_card

    buckets = None
    if cc_net is not None:
        if cc_net not in PUBLISHED:
            raise ConfigError(f"--cc-net {cc_net!r}: limits are known of {', '.join(PUBLISHED)}")
        as_cc_net = (tokens.value, normal.value, sentences.value) == ("pieces", "cc_net", "document")
        if not as_cc_net:
            raise ConfigError(
                "--cc-net: its models go with --tokens pieces --normal cc_net --sentences document"
            )
        head, middle = PUBLISHED[cc_net]
        buckets = Buckets(
            head=head,
            middle=middle,
            source=f"cc_net, cc_net/data/cutoff.csv, {cc_net}, percentiles 30 and 60",
        )
    reading = reading_of(tokens.value, normal=normal.value, sentences=sentences.value, pieces=pieces)
    path = write_card(model, reading, pieces=pieces, buckets=buckets, name=model.name)
    if as_json:
        terminal.print_json({"card": str(path)})
    else:
        terminal.line(str(path))
