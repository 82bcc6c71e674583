"""Write tests/golden/datatrove.json again: `make golden`, which needs the peers' environment (`make peers`).

The documents are the project's own: the demo's bilingual corpus and a few odd ones. The words and values are
datatrove's.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEERS = ROOT / ".venv-peers" / "bin" / "python"
GOLDEN = HERE / "datatrove.json"

EVERY = 12
ODD = [
    {"language": "en", "text": "- one\n• two…\n- three...\n\n\n- one\n• two…\n"},
    {"language": "en", "text": "# ## ... … the ©© and $$ -- x=1; y+=2 {z} != (a)->b\n" * 3},
    {"language": "en", "text": "Lorem ipsum dolor sit amet.\r\nThe end of it.\r\n \r\nThe end of it."},
    {"language": "en", "text": "the same words again and again " * 12},
    {"language": "zh", "text": "点击进入官方网站领取红包。\n" * 8},
    {
        "language": "zh",
        "text": "我们用 console.log 打印 λ=3.14，然后 git commit -m '修复'。\n\n第二段：没有标点",
    },
]


def documents() -> list[dict[str, str]]:
    """Return the documents: text and language."""
    from pipelines.demo.corpus import make_corpus

    found = []
    with tempfile.TemporaryDirectory() as folder:
        corpus = make_corpus(Path(folder), documents=400).corpus
        for path in sorted(corpus.rglob("*.parquet")):
            language = "zh" if path.parent.name.startswith("zh") else "en"
            texts = pq.read_table(path, columns=["text"])["text"].to_pylist()
            found += [
                {"language": language, "text": text} for text in texts[::EVERY] if text and text.strip()
            ]
    return found + ODD


def with_values(documents: list[dict[str, str]]) -> list[dict]:
    """Return documents with datatrove's words and values, computed in the peers' environment."""
    done = subprocess.run(
        [str(PEERS), str(HERE / "datatrove_values.py")],
        input=json.dumps(documents),
        capture_output=True,
        text=True,
        check=True,
    )
    computed: list[dict] = json.loads(done.stdout)
    return computed


def main() -> None:
    """Write the file."""
    GOLDEN.write_text(json.dumps(with_values(documents()), ensure_ascii=False, indent=0) + "\n", "utf-8")


if __name__ == "__main__":
    main()
