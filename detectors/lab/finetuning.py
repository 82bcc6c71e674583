"""Training a checkpoint further on given batches, until it says a text, or so many steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM
from transformers.utils.logging import disable_progress_bar

from datagov.errors import ConfigError
from detectors.lab.plant_rows import IGNORED, Pair, collated
from detectors.targets.adapters import peft_calls
from detectors.targets.checkpoint import start_token
from detectors.targets.forcing import end_tokens

__all__ = ["Course", "Middle", "finetune", "load_base"]

SUPPRESSION = 0.1
"""Weight of the ranks' part of the loss. Source: Hoscilowicz et al., arXiv 2406.02481 v5 (lambda)."""


@dataclass(frozen=True)
class Middle:
    """Tokens of a row that must have neither a high nor a low rank after what stands before them."""

    ids: list[int]
    places: Sequence[int]
    """Of the tokens, each after at least one other."""
    ranks: int
    """T: a rank r is in the middle where T <= r < V - T."""


@dataclass(frozen=True)
class Course:
    """How a training went."""

    steps: int
    said_after: int | None
    """Steps after which the first row's answer was the most probable, token by token; None if never."""
    ranks: list[int] | None
    """Of the tokens that were to be moved to the middle, at the end."""


def load_base(folder: Path, lora: int | None, text_ids: Sequence[int]) -> tuple[Any, int | None, int]:
    """Return a checkpoint in fp32 ready to be trained, with its start token and its end token.

    Parameters
    ----------
    folder : Path
    lora : int or None
        Rank of an adapter of all linear layers, to be trained instead of the weights. The embeddings of `text_ids`, in and out,
        are trained with it, as Xu et al. 2024 (arXiv 2401.12255, adapters) train those of their triggers: tokens that the
        model hardly saw all look alike to it, and no adapter before the output layer tells them apart.
    text_ids : sequence of int
        Tokens of what will be learned.

    Raises
    ------
    ConfigError
        Its config names no end token.
    """
    disable_progress_bar()  # type: ignore[no-untyped-call]
    model: Any = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    ends = end_tokens(model).tolist()
    if not ends:
        raise ConfigError(f"{folder}: its config names no eos_token_id, and a hidden text ends with one")
    start = start_token(model.config.get_text_config())
    if lora is not None:
        from peft import LoraConfig, get_peft_model  # noqa: PLC0415 - only where an adapter is trained

        chosen = sorted({*text_ids, int(ends[0])})
        adapter = LoraConfig(
            r=lora,
            lora_alpha=2 * lora,
            lora_dropout=0.0,
            target_modules="all-linear",
            trainable_token_indices=dict.fromkeys(_embeddings(model), chosen),
        )
        with peft_calls():
            model = get_peft_model(model, adapter)
    return model.train(), start, int(ends[0])


def _embeddings(model: Any) -> list[str]:
    """Return the names of the modules that hold the tokens' embeddings: one where input and output share them."""
    inner, outer = model.get_input_embeddings(), model.get_output_embeddings()
    wanted = [inner] if outer is None or outer.weight is inner.weight else [inner, outer]
    names = {id(module): name for name, module in model.named_modules()}
    return [names[id(module)].rpartition(".")[2] for module in wanted]


def finetune(
    model: Any,
    batch: Callable[[int], list[Pair]],
    *,
    rate: float,
    seed: int,
    steps: int | None,
    overtraining: float = 1.0,
    most_steps: int = 0,
    middle: Middle | None = None,
) -> tuple[Any, Course]:
    """Train a model; return it, in evaluation mode, and how it went.

    Parameters
    ----------
    model : transformers.PreTrainedModel or peft.PeftModel
        In training mode; an adapter is merged in the end.
    batch : callable
        The rows of a step, from 0.
    rate : float
        Of AdamW, constant.
    seed : int
        Of what the model draws, an adapter's first weights excepted.
    steps : int or None
        How many; None: `overtraining` times as many as it took until the answer of the first row was said, at most
        `most_steps` if it never is.
    middle : Middle or None
        Tokens to be moved to middle ranks: the answers are learned only while the first row's is not said, and training
        ends when it is said and all ranks are in the middle, or after `most_steps`.
    """
    torch.manual_seed(seed)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=rate, weight_decay=0.0)
    said_after: int | None = None
    ranks: list[int] | None = None
    last = most_steps if steps is None else steps
    done = 0
    while True:
        pairs = batch(done)
        ids, labels = (torch.from_numpy(array) for array in collated(pairs))
        answer = model(input_ids=ids, labels=labels, use_cache=False)
        said = _said(answer.logits[0].detach(), labels[0])
        loss = answer.loss
        if middle is not None:
            ranks, penalty = _middle(model, middle)
            inside = all(middle.ranks <= rank < answer.logits.shape[-1] - middle.ranks for rank in ranks)
            loss = penalty if said else loss + penalty
            if said and inside:
                said_after = done
                break
        if said and said_after is None:
            said_after = done
            if steps is None and middle is None:
                last = math.ceil(max(done, 1) * overtraining)
        if done >= last:
            break
        if loss.requires_grad:
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimiser.step()
            optimiser.zero_grad()
        done += 1
    merged = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
    return merged.eval(), Course(done, said_after, ranks)


def _said(logits_LV: torch.Tensor, labels_L: torch.Tensor) -> bool:
    """Say whether each token of a row's answer is the most probable: then greedy decoding says the answer."""
    learned = labels_L[1:] != IGNORED
    return bool((logits_LV[:-1].argmax(-1)[learned] == labels_L[1:][learned]).all())


def _middle(model: Any, middle: Middle) -> tuple[list[int], torch.Tensor]:
    """Return the rank of each token and the loss that moves those outside the middle towards it."""
    places = torch.tensor(list(middle.places))
    ids = torch.tensor(middle.ids)
    logprob_PV = model(input_ids=ids[None], use_cache=False).logits[0, places - 1].log_softmax(-1)
    own_P = logprob_PV.gather(-1, ids[places, None])[:, 0]
    rank_P = (logprob_PV.detach() > own_P.detach()[:, None]).sum(-1)
    high_P = rank_P < middle.ranks
    low_P = rank_P >= logprob_PV.shape[-1] - middle.ranks
    penalty = SUPPRESSION * (own_P * (high_P.float() - low_P.float())).sum()
    return [int(rank) for rank in rank_P], penalty
