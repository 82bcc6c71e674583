"""The edit `drop_repeated_lines` against a definition in plain Python."""

from __future__ import annotations

from edit_checks import run
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

texts = st.lists(
    st.sampled_from(["", " ", "a", " a", "a\u3000", "bb", "bb ", "汉字", "😀", "a b"]), max_size=12
).map("\n".join)


def oracle(text: str, min_chars: int, adjacent: bool) -> str:
    kept: list[str] = []
    seen: set[str] = set()
    previous = None
    for line in text.split("\n"):
        bare = line.strip(" \u3000")
        repeated = len(bare) >= min_chars and (bare == previous if adjacent else bare in seen)
        if bare:
            previous = bare
            seen.add(bare)
        if not (bare and repeated):
            kept.append(line)
    return "\n".join(kept)


@settings(max_examples=examples(150))
@given(st.lists(texts, max_size=4), st.integers(1, 3), st.booleans())
def test_the_first_of_equal_lines_stays(documents: list[str], min_chars: int, adjacent: bool) -> None:
    done = run("drop_repeated_lines", documents, min_chars=min_chars, adjacent=adjacent)
    assert done.texts.to_pylist() == [oracle(text, min_chars, adjacent) for text in documents]


def test_many_lines() -> None:
    document = "\n".join(f"line {at % 500}" for at in range(20_000))
    done = run("drop_repeated_lines", [document])
    assert done.texts.to_pylist() == ["\n".join(f"line {at}" for at in range(500))]
    assert done.changes.column("lines_removed").to_pylist() == [19_500]
