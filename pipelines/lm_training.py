"""Training a language model: a corpus, cut into tokens, through KenLM's lmplz, into a folder with a card."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Literal

import numpy as np

from datagov.errors import ConfigError, InputError
from datagov.lm.card import CARD, Buckets, Card, Reading, Weights
from datagov.lm.model import open_kenlm, open_pieces
from datagov.lm.programs import find_program, last_words, run_program
from datagov.lm.sentences import Sentences, read_sentences, versions_of
from datagov.model_files import sha256_of
from datagov.text.batch import TextBatch
from pipelines.corpus_scan import Corpus
from pipelines.texts import read_part

__all__ = ["LmSettings", "reading_of", "train_lm", "write_card"]

LINE_FEED: Final = 0x0A
MOST_ORDER: Final = 6
"""What KenLM is compiled for."""
MODEL: Final = "model.bin"
ARPA: Final = "model.arpa"
PIECES: Final = "pieces.model"


@dataclass(frozen=True)
class LmSettings:
    """How a model is estimated."""

    order: int = 5
    """Longest n-gram."""
    prune: tuple[int, ...] = ()
    """n-grams of order 1, 2, ... seen at most so often are left out; the last number stands for all longer ones."""
    memory: str = "1G"
    """Most memory that lmplz sorts in, as it writes it: `2G`, `50%`."""
    arpa: bool = False
    """Whether the model stays an ARPA file instead of KenLM's binary, which loads at once."""

    def __post_init__(self) -> None:
        if not 2 <= self.order <= MOST_ORDER:
            raise ConfigError(f"order is {self.order}; KenLM estimates n-grams of 2 to {MOST_ORDER} tokens")
        if len(self.prune) > self.order or any(
            a > b for a, b in zip(self.prune, self.prune[1:], strict=False)
        ):
            raise ConfigError("prune: at most one number an order, none smaller than the one before it")


def reading_of(
    tokens: Literal["characters", "words", "pieces"],
    *,
    normal: Literal["as_is", "cc_net"],
    sentences: Literal["lines", "document"],
    pieces: Path | None,
) -> Reading:
    """Return how texts are read; a SentencePiece model is named as it will lie beside the card.

    Raises
    ------
    ConfigError
        A SentencePiece model is missing, or given for other tokens; or it cannot be read.
    """
    if (pieces is None) == (tokens == "pieces"):
        raise ConfigError("--sentencepiece FILE goes with --tokens pieces, and with no other")
    if pieces is not None:
        open_pieces(pieces)
    named = None if pieces is None else Weights(file=PIECES, sha256=sha256_of(pieces))
    return Reading(
        normal=normal, sentences=sentences, tokens=tokens, pieces=named, versions=versions_of(tokens)
    )


def train_lm(
    corpus: Corpus,
    output: Path,
    reading: Reading,
    settings: LmSettings,
    *,
    pieces: Path | None = None,
    lmplz: Path | None = None,
) -> Card:
    """Estimate a model with modified Kneser-Ney smoothing, and write it with its card.

    The work is done in a folder of its own beside `output` that nobody else can read, and takes the name `output` when
    all is done.

    Parameters
    ----------
    corpus : Corpus
        Documents whose texts are read as they stand.
    output : Path
        A folder that is not there yet.
    reading : Reading
        `reading_of`.
    settings : LmSettings
    pieces : Path or None
        SentencePiece's model, which is copied beside the card.
    lmplz : Path or None
        The program; looked for unless given.

    Raises
    ------
    ConfigError
        A program is missing, or `output` is there.
    InputError
        The corpus has no token, or lmplz fails.
    """
    trainer = find_program("lmplz", lmplz)
    binary = None if settings.arpa else find_program("build_binary", lmplz)
    with _private_folder(output) as work:
        if pieces is not None:
            shutil.copyfile(pieces, work / PIECES)
        scratch = work / "scratch"
        scratch.mkdir()
        facts = _estimate(corpus, reading, settings, trainer, work / ARPA, scratch, pieces)
        if binary is not None:
            command = [str(binary), "-T", f"{scratch}/", "-S", settings.memory, "probing", ARPA, MODEL]
            run_program([*command[:-2], str(work / ARPA), str(work / MODEL)], "build_binary failed")
            (work / ARPA).unlink()
        shutil.rmtree(scratch)
        file = ARPA if binary is None else MODEL
        training = {
            "corpus": corpus.digest,
            **facts,
            "order": settings.order,
            "prune": list(settings.prune),
            "discount_fallback": True,
            "lmplz": sha256_of(trainer),
        }
        card = Card(
            datagov_lm=1,
            name=output.name,
            model=Weights(file=file, sha256=sha256_of(work / file)),
            reading=reading,
            training=training,
        )
        _write(work / CARD, card)
    return card


def write_card(
    model: Path, reading: Reading, *, pieces: Path | None, buckets: Buckets | None, name: str
) -> Path:
    """Write the card of a model that is there already, beside it; return the card's path.

    Raises
    ------
    ConfigError
        The model cannot be read, the SentencePiece model lies elsewhere, or there is a card.
    """
    open_kenlm(model)
    path = model.with_name(f"{model.name}.card.json")
    if path.exists():
        raise ConfigError(f"{path}: is there already; remove it first")
    if pieces is not None:
        if pieces.resolve().parent != model.resolve().parent:
            raise ConfigError(
                f"{pieces}: must lie in the folder of {model}, as the card names files beside it"
            )
        reading = reading.model_copy(update={"pieces": Weights(file=pieces.name, sha256=sha256_of(pieces))})
    weights = Weights(file=model.name, sha256=sha256_of(model))
    _write(path, Card(datagov_lm=1, name=name, model=weights, reading=reading, buckets=buckets))
    return path


@contextmanager
def _private_folder(output: Path) -> Iterator[Path]:
    """Yield a folder beside `output` that takes its name when the block ends well, and goes when it does not."""
    if output.exists():
        raise ConfigError(f"{output}: is there already; name a new folder")
    output.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    try:
        yield work
        work.chmod(0o755)
        work.rename(output)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _estimate(
    corpus: Corpus,
    reading: Reading,
    settings: LmSettings,
    lmplz: Path,
    arpa: Path,
    scratch: Path,
    pieces: Path | None,
) -> dict[str, int]:
    """Run lmplz over the corpus; return what was counted."""
    command = [str(lmplz), "--order", str(settings.order), "--memory", settings.memory]
    command += ["--temp_prefix", f"{scratch}/", "--arpa", str(arpa), "--discount_fallback", "--skip_symbols"]
    if settings.prune:
        command += ["--prune", *map(str, settings.prune)]
    complaints = scratch / "complaints"
    with complaints.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - a list, no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
        )
        stream = process.stdin
        if stream is None:
            raise ConfigError(f"{lmplz}: cannot be given the corpus")
        try:
            facts = _feed(corpus, reading, stream, pieces)
            stream.close()
            code = process.wait()
        except BrokenPipeError:
            with suppress(BrokenPipeError):  # what is left in the buffer goes nowhere either
                stream.close()
            facts, code = {}, process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if facts.get("tokens") == 0:
        raise InputError("the corpus has no token to train a language model on")
    if code or not facts:
        raise InputError(f"lmplz failed: {last_words(complaints.read_bytes(), code)}")
    return facts


def _feed(corpus: Corpus, reading: Reading, stream: IO[bytes], pieces: Path | None) -> dict[str, int]:
    """Write every sentence of a corpus on a line; return how much there was."""
    facts = {"documents": 0, "sentences": 0, "tokens": 0, "set_aside": 0}
    for sentences, documents, set_aside in _sentences(corpus, reading, pieces):
        facts["documents"] += documents
        facts["set_aside"] += set_aside
        facts["sentences"] += len(sentences.tokens)
        facts["tokens"] += int(sentences.tokens.sum())
        data = np.frombuffer(sentences.data, np.uint8)
        stream.write(np.insert(data, sentences.ends[1:], LINE_FEED).tobytes())
    return facts


def _sentences(corpus: Corpus, reading: Reading, pieces: Path | None) -> Iterator[tuple[Sentences, int, int]]:
    processor: Any = None if pieces is None else open_pieces(pieces)
    for part in corpus.parts:
        for chunk in read_part(corpus.source, part.slices, ()):
            batch = TextBatch(chunk.texts)
            yield read_sentences(batch, reading, processor), batch.n, len(chunk.text) - batch.n


def _write(path: Path, card: Card) -> None:
    """Write a card, whole or not at all."""
    temporary = path.with_name(f".{path.name}")
    content = json.dumps(card.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
    with temporary.open("w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
