"""The recipe `yi-cascade` over a folder of sources as one process, and the same steps in datatrove where it has them.

`--side models` trains the models first, of the sources themselves: what they say is of no matter here, what they cost is.
datagov runs the recipe as `datagov init` writes it. datatrove: language by fastText, Gopher's filters with FineWeb2's limits
for Chinese, ftfy, e-mail and IP addresses masked, a fastText classifier, MinHash, another classifier; it has no
perplexity, no lines and paragraphs cut, no further personal data, no exact copies, no verification and no ledger.
Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from bench_recipe import by_language, of_language, sampled

MOST = 300
"""Documents of a shard that models are trained on."""
MOST_CHARS = 2000


def models(source: Path, folder: Path) -> None:
    """Train two language models, two classifiers and, for datatrove, a fastText model of languages."""
    import fasttext

    labelled = {"text": [], "label": []}
    lines = []
    for language, sources in by_language(source).items():
        texts = [text for path in sources for text in beginnings(path)]
        place = folder / f"{language}-texts"
        place.mkdir(parents=True)
        pq.write_table(pa.table({"text": texts}), place / "texts.parquet")
        trained(
            "lm",
            place,
            "--output",
            folder / f"{language}-lm",
            "--tokens",
            "words",
            "--order",
            "4",
            "--memory",
            "1G",
        )
        lines += [f"__label__{language} {' '.join(text.split())}" for text in texts]
        labelled["text"] += texts
        labelled["label"] += ["good" if len(text) > 500 else "other" for text in texts]
    pq.write_table(pa.table(labelled), folder / "labelled.parquet")
    trained(
        "classifier", folder / "labelled.parquet", "--output", folder / "quality", "--kind", "fasttext", "--positive", "good"
    )  # fmt: skip
    trained("classifier", folder / "labelled.parquet", "--output", folder / "safety", "--positive", "other")
    (folder / "languages.txt").write_text("\n".join(lines), encoding="utf-8")
    fasttext.train_supervised(input=str(folder / "languages.txt"), verbose=0).save_model(
        str(folder / "lid.bin")
    )


def beginnings(folder: Path) -> Iterator[str]:
    """Yield the beginnings of the first documents of each shard."""
    for path in sorted(folder.rglob("*.parquet")):
        texts = pq.read_table(path, columns=["text"])["text"].slice(0, MOST).to_pylist()
        yield from (text[:MOST_CHARS] for text in texts if text and text.strip())


def trained(*arguments: object) -> None:
    """Run `datagov train`."""
    program = str(Path(sys.executable).with_name("datagov"))
    subprocess.run([program, "train", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def datagov(source: Path, work: Path, made: Path, workers: int) -> int:
    from pipelines.recipes import recipe_text

    (work / "recipe.yaml").write_text(recipe_text("yi-cascade"), encoding="utf-8")
    (work / "models").symlink_to(made)
    command = [str(Path(sys.executable).with_name("datagov")), "run", str(work / "recipe.yaml")]
    places = ["--input", str(source), "--output", str(work / "out"), "--workers", str(workers), "--json"]
    answer = subprocess.run([*command, *places], check=True, stdout=subprocess.PIPE, text=True)
    return int(json.loads(answer.stdout)["kept"])


def datatrove(source: Path, work: Path, made: Path, workers: int) -> int:
    from datatrove.pipeline.filters import FastTextClassifierFilter
    from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter
    from peer_filters import filters

    def fasttext(model: str, label: str, least: float) -> FastTextClassifierFilter:
        return FastTextClassifierFilter(
            str(made / model), (label, least), save_labels_in_metadata=False, newline_replacement=" "
        )

    kept = 0
    for language, sources in by_language(source).items():
        # Of English, Gopher's filters alone; of Chinese, FineWeb2's: MAP-CC's are the last.
        rules = filters(language, fires=True)[: 3 if language == "zh" else 2]
        before = [fasttext("lid.bin", language, 0.5), *rules, FTFYFormatter(), PIIFormatter()]
        before.append(fasttext("quality/model.bin", "1", 0.1))
        after = [fasttext("quality/model.bin", "1", 0.1)]
        kept += of_language(language, sources, work / language, workers, before, after)
    return kept


SIDES = {"datagov": datagov, "datatrove": datatrove}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", choices=["models", *SIDES], required=True)
    parser.add_argument(
        "--input", type=Path, required=True, help="a folder of sources, each a folder of shards"
    )
    parser.add_argument(
        "--models", type=Path, required=True, help="what `--side models` makes, and the others use"
    )
    parser.add_argument("--work", type=Path, help="an empty folder; what is written stays")
    parser.add_argument("--every", type=int, default=1, help="take every n-th document of each shard")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    source, made = arguments.input.resolve(), arguments.models.resolve()
    if arguments.side == "models":
        models(source, made)
        print(json.dumps({}))
        return
    work = arguments.work.resolve()
    if arguments.every > 1:
        source = sampled(source, arguments.every, work / "sample")
    kept = SIDES[arguments.side](source, work, made, arguments.workers)
    columns = [pq.read_table(path, columns=["text"])["text"] for path in source.rglob("*.parquet")]
    text_bytes = sum(pc.sum(pc.binary_length(column)).as_py() or 0 for column in columns)
    print(json.dumps({"documents": sum(map(len, columns)), "bytes": text_bytes, "kept": kept}))


if __name__ == "__main__":
    main()
