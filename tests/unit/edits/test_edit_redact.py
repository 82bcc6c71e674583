"""The edit `redact`: tags in place of personal data, and spans that say where."""

from __future__ import annotations

from edit_checks import run
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.pii.kinds import NAMES, tag_of

PIECES = [
    "电话",
    "13812345678",
    " ",
    "，",
    "li@qq.com",
    "8.8.8.8",
    "\n",
    "京A12345",
    "好",
    "11010519491231002X",
    "010-62345678",
    "😀",
    "1",
]
texts = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


@settings(max_examples=100)
@given(st.lists(texts, max_size=4), st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
def test_replacing_the_spans_gives_the_new_text(documents: list[str], kinds: list[str]) -> None:
    done = run("redact", documents, kinds=kinds)
    after = done.texts.to_pylist()
    assert done.spans is not None
    spans = done.spans.to_pylist()
    for row, text in enumerate(documents):
        for span in reversed([span for span in spans if span["row"] == row]):
            assert span["rule"] in kinds
            text = text[: span["start"]] + tag_of(span["rule"]) + text[span["end"] :]  # noqa: PLW2901
        assert after[row] == text
    again = run("redact", after, kinds=kinds)
    assert again.texts.to_pylist() == after
    assert not again.spans


def test_tags_can_be_chosen_and_may_be_empty() -> None:
    text = "张三13812345678，li@qq.com。"
    done = run("redact", [text, "无"], tags={"mobile": "", "email": "［邮箱］"})
    assert done.texts.to_pylist() == ["张三，［邮箱］。", "无"]
    assert done.changes.column("stretches_redacted").to_pylist() == [2, 0]
