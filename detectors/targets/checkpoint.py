"""Opening a local checkpoint: what is in its folder, which device and number format, which adapter."""

from __future__ import annotations

from typing import Any

import torch
import transformers

from datagov.errors import ConfigError, TargetError
from datagov.ids import digest
from datagov.tokenizer import load_tokenizer
from detectors.targets.checkpoint_files import CheckpointFiles, checkpoint_files, find_checkpoint
from detectors.targets.checkpoint_loading import dtype_name, load_model, resolve_device, resolve_dtype
from detectors.targets.opening import OpenOptions, refuse_options
from detectors.targets.target import TargetFacts
from detectors.targets.transformers_target import LAYOUTS, TransformersTarget

__all__ = ["checkpoint_digest", "open_target", "start_token"]


def open_target(spec: str, options: OpenOptions) -> TransformersTarget:
    """Open the checkpoint in a folder, or in the local model cache.

    Raises
    ------
    ConfigError
        An option cannot be used as given.
    TargetError
        The checkpoint cannot be used.
    """
    remote = ("model", "api", "key_variable", "concurrency")
    refuse_options(options, remote, f"is for endpoints, and {spec} is a checkpoint")
    layout = "padded" if options.layout is None else options.layout
    if layout not in LAYOUTS:
        raise ConfigError(f"--layout {layout}: expected {' or '.join(LAYOUTS)}")
    files = checkpoint_files(find_checkpoint(spec, options.revision))
    adapter = None if options.adapter is None else checkpoint_files(options.adapter)
    tokenizer = load_tokenizer(options.tokenizer or files.folder)
    has_own = options.tokenizer is not None and (files.folder / "tokenizer.json").is_file()
    if has_own and load_tokenizer(files.folder).digest != tokenizer.digest:
        raise TargetError(
            f"{spec}: has a tokenizer of its own, and {options.tokenizer} is another: its token ids would stand for other "
            "text. Leave out --tokenizer"
        )
    device = resolve_device(options.device)
    quantised = "quantization_config" in files.config
    dtype = resolve_dtype(options.dtype, device, quantised=quantised)
    model = load_model(files.folder, dtype=dtype, device=device, adapter=options.adapter)
    config = model.config.get_text_config()
    if quantised and not getattr(model, "is_quantized", False):
        raise TargetError(
            f"{spec}: config.json says that it is quantised in a way that transformers {transformers.__version__} does not "
            "know and would leave out; its numbers would be another model's"
        )
    if tokenizer.vocabulary_size > config.vocab_size:
        raise TargetError(
            f"{spec}: its tokenizer knows {tokenizer.vocabulary_size} tokens and its output layer {config.vocab_size}; "
            "this is another model's tokenizer"
        )
    ignored = (*files.ignored, *(adapter.ignored if adapter else ()))
    facts = TargetFacts(
        name=spec,
        digest=checkpoint_digest(files, adapter, options.revision),
        tokenizer_digest=tokenizer.digest,
        engine=f"transformers {transformers.__version__}, torch {torch.__version__}",
        dtype=dtype_name(model),
        vocabulary_size=config.vocab_size,
        start_token_id=start_token(config)
        if options.start_token is None
        else tokenizer.token_id(options.start_token),
        notes=(f"{spec}: not opened: {', '.join(ignored)}",) if ignored else (),
    )
    words = options.tokenizer if options.tokenizer is not None and not has_own else files.folder
    folder = words if words.is_dir() else words.parent
    return TransformersTarget(model, tokenizer, facts, layout=layout, folder=folder)


def checkpoint_digest(
    files: CheckpointFiles, adapter: CheckpointFiles | None = None, revision: str | None = None
) -> str:
    """Return what names a checkpoint as a target: `TargetFacts.digest`."""
    names = [files.digest, *([adapter.digest] if adapter else []), revision or ""]
    return digest("transformers-target/1", *names)


def start_token(config: Any) -> int | None:
    """Return BOS, else EOS, as a config names them; None where it names neither."""
    for candidate in (config.bos_token_id, config.eos_token_id):
        first = candidate[0] if isinstance(candidate, list) and candidate else candidate
        if isinstance(first, int) and 0 <= first < config.vocab_size:
            return first
    return None
