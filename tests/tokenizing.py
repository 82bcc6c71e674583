"""Making small tokenizers; no test logic."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

__all__ = ["SENTENCES", "make_tokenizer"]

SENTENCES = [
    "The committee shall publish the register of data sources before the first of March.",
    "A model that was trained on a text gives its tokens a higher probability than it otherwise would.",
    "数据治理要求每一条记录都有来源、许可和去重的证据。",
    "第二条 本办法所称训练数据，是指用于模型预训练的文本集合。",
    "Plain words, plain numbers: 1024 shards, 3 seeds, 0.05 at most.",
    "她把信放在桌上，说明天再来，然后就走进了雨里。",
]


def make_tokenizer(folder: Path, *, vocabulary: int, start: str | None = "<s>", seed: int = 0) -> Path:
    """Train a byte-level BPE on `SENTENCES` and write it with its settings; return `folder/tokenizer.json`.

    `seed` varies the merges: tokenizers of different seeds have the same size and different tokens.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[start] if start else [],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(
        [text * (1 + (at + seed) % 3) for at, text in enumerate(SENTENCES)], trainer
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    if start:
        settings = {"bos_token": start, "tokenizer_class": "PreTrainedTokenizerFast"}
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return path
