"""What methods are given beside traces: shots, swapped words, sizes."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagov.errors import InputError
from detectors.membership.perturb import swap_words
from detectors.membership.shots import draw_shots
from detectors.membership.sizes import utf8_bytes, zlib_bytes


def test_shots_come_from_a_pool_that_is_not_scored() -> None:
    pool = [f"shot {n}" for n in range(20)]
    shots = draw_shots(pool, ["a suspect"], count=12, seed=3)
    assert len(set(shots)) == 12
    assert set(shots) <= set(pool)
    assert shots == draw_shots(pool[::-1], ["a suspect"], count=12, seed=3)
    assert shots != draw_shots(pool, ["a suspect"], count=12, seed=4)


def test_a_pool_that_overlaps_is_refused_with_the_rows() -> None:
    with pytest.raises(InputError, match=r"1 texts of the pool.*row 1 \([0-9a-f]{32}\)"):
        draw_shots(["one", " shot  one "], ["shot one", ""], count=1)


def test_a_pool_that_is_too_small_is_refused() -> None:
    with pytest.raises(InputError, match="2 different texts, and 12 shots"):
        draw_shots(["a", "b", "b", " "], ["c"])


@given(st.text(alphabet="ab \n", max_size=40), st.integers(0, 100))
def test_swapping_keeps_the_words_and_the_spaces(text: str, seed: int) -> None:
    swapped = swap_words(text, share=0.3, seed=seed)
    assert sorted(swapped.split()) == sorted(text.split())
    assert [c for c in swapped if c in " \n"] == [c for c in text if c in " \n"]
    assert swapped == swap_words(text, share=0.3, seed=seed)


def test_each_text_has_swaps_of_its_own() -> None:
    places = [str(n) for n in range(20)]
    texts = [" ".join(f"{kind}{place}" for place in places) for kind in "abcdefgh"]
    orders = {swap_words(text, share=0.3, seed=1).replace(text[0], "") for text in texts}
    assert len(orders) == len(texts)


def test_chinese_words_are_swapped() -> None:
    text = "我们今天去北京大学参观图书馆"
    swapped = swap_words(text, share=0.3, seed=1)
    assert swapped != text
    assert sorted(swapped) == sorted(text)
    assert swap_words("一", share=0.3, seed=1) == "一"


def test_sizes_are_of_the_utf8_bytes() -> None:
    texts = ["", "é中", "a" * 1000]
    assert utf8_bytes(texts).tolist() == [0, 5, 1000]
    assert zlib_bytes(texts).tolist() == [len(zlib.compress(text.encode(), 6)) for text in texts]
