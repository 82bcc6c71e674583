"""What is shown of each token of a text."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from detectors.token_texts import PART, shown_tokens


def test_tokens_of_parts_of_a_character_are_shown_as_one() -> None:
    def decode(ids: Sequence[int]) -> str:
        return bytes(ids).decode(errors="replace")

    def shown(raw: bytes) -> list[str]:
        return shown_tokens(decode, list(raw))

    assert shown("a蚕b".encode()) == ["a", PART, PART, "蚕", "b"]
    assert shown(b"\x9aa") == [PART, "\ufffda"]
    assert shown(b"\xe8\x9a") == ["\ufffd", "\ufffd"]
    assert shown(b"\x9a\x9a\x9a\x9a\x9ab") == ["\ufffd"] * 4 + [PART, "\ufffdb"]


def test_a_space_that_a_tokenizer_leaves_out_at_the_beginning_stands_in_the_middle() -> None:
    words = {"\u2581the": 0, "\u2581new": 1, "s": 2}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="s"))  # noqa: S106 - a token of a vocabulary
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    assert shown_tokens(tokenizer.decode, [0, 1, 2, 0]) == ["the", " new", "s", " the"]
