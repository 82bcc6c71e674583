"""The edit `simplify` against OpenCC, asked about every document."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import opencc
import pytest
from edit_checks import batch, run
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.edits import EDITS
from datagov.edits.simplify import CHECKED_WITH, CONFIGS, PHRASE_STARTS, may_change
from datagov.errors import ConfigError
from datagov.extras import named

converter = cache(opencc.OpenCC)

pieces = st.sampled_from(
    [
        *PHRASE_STARTS.split(),
        *"么俱像吃哩坏彷梁沈甦瞭著藉衹覆漢字汉字裡裏為爲台臺着a1，\n",
        "\U000200d3",
        "豈",
    ]
)
texts = st.lists(pieces, max_size=8).map("".join)


@settings(max_examples=examples(150))
@given(st.lists(texts, max_size=4), st.sampled_from(sorted(CONFIGS)))
def test_only_documents_that_cannot_change_are_passed_over(documents: list[str], config: str) -> None:
    done = run("simplify", documents, config=config)
    assert done.texts.to_pylist() == [converter(config).convert(text) for text in documents]


def test_what_is_counted() -> None:
    done = run("simplify", ["漢字英哩", "汉字", "plain", ""])
    assert done.texts.to_pylist() == ["汉字英里", "汉字", "plain", ""]
    assert done.changes.column("chars_converted").to_pylist() == [2, 0, 0, 0]


def test_plain_simplified_text_is_not_given_to_opencc() -> None:
    documents = ["今天天气很好，我们什么都没吃。", "桥梁坏了，像沈阳。", "No Chinese here."]
    assert not may_change(batch(documents), "t2s").any()


def phrases(tmp_path: Path) -> list[tuple[str, str]]:
    """The phrases of the installed dictionaries and what they become, by OpenCC's own tool."""
    home = Path(opencc.__file__).parent / "clib"
    if not (home / "bin" / "opencc_dict").exists():
        pytest.skip("this build of OpenCC comes without opencc_dict")
    tool = shutil.copy(home / "bin" / "opencc_dict", tmp_path / "opencc_dict")
    Path(tool).chmod(0o755)
    found = []
    for name in ("TSPhrases", "TWVariantsRevPhrases", "HKVariantsRevPhrases"):
        written = tmp_path / f"{name}.txt"
        source = home / "share" / "opencc" / f"{name}.ocd2"
        subprocess.run([tool, "-i", source, "-f", "ocd2", "-o", written, "-t", "text"], check=True)
        for line in written.read_text(encoding="utf-8").splitlines():
            phrase, _, becomes = line.partition("\t")
            found += [(phrase, other) for other in becomes.split(" ")]
    return found


def test_every_phrase_of_the_dictionaries_is_seen(tmp_path: Path) -> None:
    assert named("opencc") == CHECKED_WITH
    changing = [phrase for phrase, other in phrases(tmp_path) if phrase != other]
    assert len(changing) > 500
    for config in CONFIGS:
        seen = may_change(batch(changing), config)
        unseen = [phrase for phrase, flag in zip(changing, seen, strict=True) if not flag]
        # A phrase may go unseen if this conversion leaves it alone: 怎么 becomes 怎麽 and 怎么 again.
        assert [phrase for phrase in unseen if converter(config).convert(phrase) != phrase] == []


@pytest.mark.parametrize("options", [{"config": "tw2sp"}, {"by": "opencc 0.1"}])
def test_what_cannot_be_done_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"no conversion 'tw2sp'|planned with opencc 0\.1"):
        EDITS["simplify"].apply(batch(["漢"]), **options)
