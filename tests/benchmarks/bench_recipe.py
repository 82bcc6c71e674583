"""A whole recipe over a folder of sources as one process: filters, deduplication, kept shards.

Run once for each system, in that system's environment, by `run.py`, which times the whole process; prints one
JSON object. datagov: mapcc-zh where Han is the main script and fineweb-en where Latin is, then exact and
near-duplicates, verified on the text, with the ledger of every document and the kept shards. datatrove: the
same rules, a document leaving at the first it fails, over the sources of each language (`zh_*` and the others), then
MinHash of the survivors; it has no exact deduplication, no verification and no ledger to write.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from bench_near_dedup import rows

RECIPE = """\
dataset: benchmark
input: {{path: {input}, text: text, id: id, source: source, url: url}}
output: {output}
steps:
  - filter: {{profile: mapcc-zh, when: {{script: han}}}}
  - filter: {{profile: fineweb-en, when: {{script: latin}}, otherwise: keep}}
  - exact_dedup: {{}}
  - near_dedup: {{preset: fineweb, verify: {{jaccard: 0.7}}, keep: longest}}
"""
BANDS, ROWS, SHINGLE = 14, 8, 5

SURVIVORS = pa.schema(
    {
        "text": pa.string(),
        "id": pa.string(),
        "metadata": pa.struct({"source": pa.string(), "url": pa.string(), "file_path": pa.string()}),
    }
)
"""What datatrove writes; it would take the type of `url` from a batch that may have none."""


def sampled(source: Path, step: int, target: Path) -> Path:
    """Write every `step`-th document of every shard, each folder of the source in a folder of its own."""
    for path in sorted(source.rglob("*.parquet")):
        table = pq.read_table(path)
        place = target / path.parent.relative_to(source)
        place.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.take(pa.array(range(0, len(table), step))), place / path.name)
    return target


def datagov(source: Path, work: Path, workers: int) -> int:
    recipe = work / "recipe.yaml"
    recipe.write_text(RECIPE.format(input=json.dumps(str(source)), output=json.dumps(str(work / "out"))))
    command = [str(Path(sys.executable).with_name("datagov")), "run", str(recipe)]
    answer = subprocess.run(
        [*command, "--workers", str(workers), "--json"], check=True, stdout=subprocess.PIPE, text=True
    )
    return int(json.loads(answer.stdout)["kept"])


def datatrove(source: Path, work: Path, workers: int) -> int:
    from peer_filters import filters

    return sum(
        of_language(language, sources, work / language, workers, filters(language, fires=True))
        for language, sources in by_language(source).items()
    )


def by_language(source: Path) -> dict[str, list[Path]]:
    """Return the folders of each language: `zh_*`, and the others."""
    folders = [path for path in sorted(source.iterdir()) if path.is_dir()]
    chinese = [path for path in folders if path.name.startswith("zh")]
    return {"zh": chinese, "en": [path for path in folders if path not in chinese]}


def of_language(
    language: str, sources: list[Path], work: Path, workers: int, before: list[Any], after: Sequence[Any] = ()
) -> int:
    """Filter and deduplicate one language's sources with datatrove; return how many documents stay.

    `before` are its steps before MinHash, `after` those on what MinHash leaves.
    """
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import ParquetWriter
    from datatrove.utils.typeshelper import Languages

    code = Languages.mandarin_chinese if language == "zh" else Languages.english
    config = MinhashConfig(n_grams=SHINGLE, num_buckets=BANDS, hashes_per_bucket=ROWS)
    together = work / "in"
    together.mkdir(parents=True)
    for path in (path for source in sources for path in sorted(source.rglob("*.parquet"))):
        (together / f"{path.parent.name}-{path.name}").symlink_to(path)
    names = ("filtered", "signatures", "buckets", "removed", "kept", "logs")
    folder = {name: str(work / name) for name in names}

    def stage(number: int, tasks: int, steps: list[object]) -> None:
        logs = f"{folder['logs']}/{number}"
        LocalPipelineExecutor(
            pipeline=steps, tasks=tasks, workers=min(workers, tasks), logging_dir=logs
        ).run()

    passed = ParquetWriter(folder["filtered"], schema=SURVIVORS)
    stage(1, workers, [ParquetReader(str(together)), NotBlank(), *before, passed])
    signature = MinhashDedupSignature(output_folder=folder["signatures"], config=config, language=code)
    stage(2, workers, [ParquetReader(folder["filtered"]), signature])
    stage(3, BANDS, [MinhashDedupBuckets(folder["signatures"], folder["buckets"], config=config)])
    stage(4, 1, [MinhashDedupCluster(folder["buckets"], folder["removed"], config=config)])
    kept = [MinhashDedupFilter(folder["removed"]), *after, ParquetWriter(folder["kept"], schema=SURVIVORS)]
    stage(5, workers, [ParquetReader(folder["filtered"]), *kept])
    return rows(work / "kept")


def NotBlank():
    """Return the filter without which a blank text is an error: the others divide by its words."""
    from datatrove.pipeline.filters import LambdaFilter

    return LambdaFilter(lambda document: bool(document.text.strip()))


SIDES = {"datagov": datagov, "datatrove": datatrove}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", choices=SIDES, required=True)
    parser.add_argument(
        "--input", type=Path, required=True, help="a folder of sources, each a folder of shards"
    )
    parser.add_argument("--work", type=Path, required=True, help="an empty folder; what is written stays")
    parser.add_argument("--every", type=int, default=1, help="take every n-th document of each shard")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    source, work = arguments.input.resolve(), arguments.work.resolve()
    if arguments.every > 1:
        source = sampled(source, arguments.every, work / "sample")
    kept = SIDES[arguments.side](source, work, arguments.workers)
    columns = [pq.read_table(path, columns=["text"])["text"] for path in source.rglob("*.parquet")]
    text_bytes = sum(pc.sum(pc.binary_length(column)).as_py() or 0 for column in columns)
    print(json.dumps({"documents": sum(map(len, columns)), "bytes": text_bytes, "kept": kept}))


if __name__ == "__main__":
    main()
