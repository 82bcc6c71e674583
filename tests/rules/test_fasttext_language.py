"""Languages by a fastText model named by its path, against the library asked directly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from datagov import policy, signals
from datagov.errors import ConfigError
from datagov.labels import label_of
from datagov.model_files import model_file
from datagov.signals.named import under_name
from datagov.text.batch import TextBatch

LINES = {
    "zh": ["港口 重建 会议", "工程师 堤坝 船只", "会议 工程师 讨论"],
    "en": ["harbour rebuilt meeting", "engineers wall ships", "meeting engineers argued"],
}


def train(folder: Path, **names: str) -> Path:
    """Train a tiny model; `names` call labels otherwise."""
    import fasttext

    text = folder / "lines.txt"
    lines = [
        f"__label__{names.get(label, label)} {line}" for label, listed in LINES.items() for line in listed
    ]
    text.write_text("\n".join(lines * 20) + "\n", encoding="utf-8")
    # Ten threads: fewer leave a part of the first matrix unset, which may be anything.
    model = fasttext.train_supervised(
        input=str(text), dim=8, epoch=20, minCount=1, thread=10, verbose=0, bucket=1000
    )
    model.save_model(str(folder / "lid.bin"))
    return folder / "lid.bin"


@pytest.fixture(scope="module")
def lid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("lid"))


def rows(path: Path, texts: list[str], **params: Any) -> list[tuple[str | None, float | None]]:
    family = under_name(signals.model_family("fasttext_language"), "lid")
    resolved = signals.resolve_params(family, {"model": model_file(path), **params})
    found = policy.values(
        family.measure(TextBatch(pa.array(texts, pa.large_string())), resolved), family.rules
    )
    names = [None if code is None else label_of(code) for code in found["lid_language"].to_pylist()]
    return list(zip(names, found["lid_language_score"].to_pylist(), strict=True))


def test_label_and_score_are_the_librarys(lid: Path) -> None:
    import fasttext

    texts = [
        "港口 会议\n船只",
        "harbour ships",
        "meeting 港口",
        "__label__zh x",
        "harbour " * 500 + "港口 " * 2000,
    ]
    names, values = fasttext.load_model(str(lid)).predict(
        [text.replace("\n", " ")[:2000] for text in texts], k=1
    )
    for row, name, value in zip(rows(lid, texts), names, values, strict=True):
        assert row == (name[0].removeprefix("__label__"), pytest.approx(min(float(value[0]), 1.0), abs=1e-6))
    assert [name for name, _ in rows(lid, texts[:2])] == ["zh", "en"]
    assert rows(lid, texts[4:], max_chars=100000)[0][0] == "zh"


def test_an_empty_batch_has_no_rows(lid: Path) -> None:
    assert rows(lid, []) == []


def test_what_is_no_language_model_is_refused(lid: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the label 'a_long_name' \(of 1 such\) cannot be stored"):
        rows(train(tmp_path, zh="a_long_name"), ["x"])
    (tmp_path / "cut.bin").write_bytes(lid.read_bytes()[:200])
    with pytest.raises(ConfigError, match=r"cut\.bin"):
        rows(tmp_path / "cut.bin", ["x"])
    with pytest.raises(ConfigError, match="max_chars must be"):
        rows(lid, ["x"], max_chars=0)
    with pytest.raises(ConfigError, match=r"'fasttext 0' is asked for"):
        rows(lid, ["x"], library="fasttext 0")


def test_its_languages_are_known(lid: Path) -> None:
    family = signals.model_family("fasttext_language")
    assert family.labels is not None
    assert sorted(family.labels({"model": model_file(lid)})) == ["en", "zh"]
