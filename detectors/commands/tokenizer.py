"""`datagov detect tokenizer`: what a vocabulary holds, and what texts cost in it."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from datagov import terminal

__all__ = ["register"]

SHOWN = 20
MOST_TEXTS = 20_000


def register(app: typer.Typer) -> None:
    """Add `tokenizer`."""
    app.command("tokenizer")(tokenizer_command)


def tokenizer_command(
    tokenizer: Annotated[
        Path, typer.Argument(metavar="PATH", help="A checkpoint's folder, or a tokenizer.json.")
    ],
    texts: Annotated[
        list[str] | None,
        typer.Option("--texts", metavar="FILE", help="Texts to be measured by themselves; repeatable."),
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="Most texts of each file.")] = MOST_TEXTS,
    lexicon: Annotated[
        str | None,
        typer.Option("--lexicon", metavar="FILE", help="List tokens that hold its terms; `starter` is ours."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a tokenizer's vocabulary holds and what texts cost in it, Chinese beside English.

    Tokens of four Han characters or more are listed: few are words, and spam in a tokenizer's training text shows in them.
    """
    from dataclasses import asdict

    from datagov.lexicon_commands import named
    from datagov.tokenizer import load_tokenizer
    from detectors.probes.token_classes import read_vocabulary
    from detectors.probes.tokenizer_audit import long_phrases, parity, rates
    from detectors.texts import read_texts

    loaded = load_tokenizer(tokenizer)
    vocabulary = read_vocabulary(loaded)
    phrases = long_phrases(vocabulary, None if lexicon is None else named(lexicon))
    measured = {
        place: asdict(rates(_some(read_texts(place), most), loaded, vocabulary)) for place in texts or ()
    }
    scripts = vocabulary.script_counts()
    record: dict[str, Any] = {
        "tokenizer": loaded.digest,
        "tokens": len(vocabulary.seeds),
        "classes": vocabulary.class_counts(),
        "scripts": scripts,
        "parity_zh_en": parity(loaded),
        "texts": measured,
        "phrases": [asdict(phrase) for phrase in phrases],
    }
    if as_json:
        terminal.print_json(record)
        return
    total = len(vocabulary.seeds)
    terminal.print_table(
        ("class", "tokens", "share"),
        [(name, count, count / total) for name, count in record["classes"].items()],
    )
    terminal.line()
    letters = sum(scripts.values())
    terminal.print_table(
        ("script", "tokens", "share of letter tokens"),
        [(name, count, count / letters) for name, count in scripts.items()],
    )
    terminal.line()
    terminal.line(
        f"the same sentences take {record['parity_zh_en']:.2f} times as many tokens in Chinese as in English"
    )
    for place, found in measured.items():
        terminal.line()
        terminal.heading(place)
        terminal.print_table(("measure", "value"), list(found.items()))
    if phrases:
        terminal.line()
        terminal.heading(f"{len(phrases)} tokens are phrases, or hold terms of the lexicon")
        terminal.print_table(
            ("token", "text", "Han", "terms"),
            [(one.token, one.text, one.han, ", ".join(one.terms)) for one in phrases[:SHOWN]],
        )


def _some(texts: Any, most: int) -> list[str]:
    """Return the first usable texts."""
    usable = texts.usable
    return [text for text, fine in zip(texts.strings[:most], usable[:most], strict=True) if fine]
