"""A small file for each family that reads one, so that it meets the checks of all families; no test logic."""

from __future__ import annotations

from pathlib import Path

from classifying import write_classifier
from language_models import require_kenlm, write_lm
from lexicon_made import write
from tokenizing import make_tokenizer

__all__ = ["family_files"]


def family_files(family: str, folder: Path) -> dict[str, str]:
    """Write what a family reads, about texts of the checks; return parameter -> path."""
    return {parameter: str(path) for parameter, path in MAKERS[family](folder).items()}


def classifier(folder: Path) -> dict[str, Path]:
    """A linear classifier of two labels."""
    return {"model": write_classifier(folder / "made", {"the": 0.5, "的": -0.25, "a": 0.125})}


def benchmark(folder: Path) -> dict[str, Path]:
    """Two items, one in each language."""
    path = folder / "items.txt"
    path.write_text(f"{'the cat sat on the mat. ' * 3}\n{'我们在北京的大学里学习。' * 3}\n", "utf-8")
    return {"benchmark": path}


def fasttext(folder: Path) -> dict[str, Path]:
    """A model of two languages, trained in less than a second."""
    import fasttext

    lines = folder / "lines.txt"
    lines.write_text("__label__zh 我们 在 北京 学习\n__label__en the cat sat on the mat\n" * 20, "utf-8")
    # Ten threads: fewer leave a part of the first matrix unset, which may be anything.
    model = fasttext.train_supervised(
        input=str(lines), dim=8, epoch=5, minCount=1, thread=10, verbose=0, bucket=1000
    )
    model.save_model(str(folder / "lid.bin"))
    return {"model": folder / "lid.bin"}


def language_model(folder: Path) -> dict[str, Path]:
    """Bigrams over a, b and 的."""
    require_kenlm()
    return {"model": write_lm(folder)}


def lexicon(folder: Path) -> dict[str, Path]:
    """Three terms, one of Han."""
    return {"lexicon": write(folder / "made.json", ("the", "insult"), ("北京", "slur", 2), ("a", "insult"))}


def url_lists(folder: Path) -> dict[str, Path]:
    """A category in UT1's form."""
    (folder / "lists" / "adult").mkdir(parents=True)
    (folder / "lists" / "adult" / "domains").write_text("a\nexample.com\n", "utf-8")
    (folder / "lists" / "adult" / "urls").write_text("example.org/x\n", "utf-8")
    return {"lists": folder / "lists"}


def tokenizer(folder: Path) -> dict[str, Path]:
    """A byte-level tokenizer of a few sentences in both languages."""
    return {"tokenizer": make_tokenizer(folder / "made", vocabulary=330)}


MAKERS = {
    "classifier": classifier,
    "contamination": benchmark,
    "fasttext_language": fasttext,
    "perplexity": language_model,
    "terms": lexicon,
    "tokens": tokenizer,
    "url_lists": url_lists,
}
