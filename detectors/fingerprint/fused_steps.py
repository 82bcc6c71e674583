"""Steps of a decoder on a GPU in few kernels: what stands between the matrix products reads its numbers from memory once.

Forcing a vocabulary feeds one token a row. Done operation by operation, norms, rotations, gates and the attention to a handful of
tokens take longer than the products (decision 33). Here a layer is its seven products and four kernels. It is for decoders of the
common kind, which are known by their parts and by their numbers: every layer is held against the model's own before it is used.
"""

from __future__ import annotations

from subprocess import CalledProcessError
from typing import Any, Self

import torch

from detectors.fingerprint.fused_layer import FusedLayer, FusedNorm, Pair, has_common_parts, kernels
from detectors.fingerprint.row_steps import UNLIKE, ModelSteps
from detectors.targets.context_states import States

__all__ = ["FusedDecoder", "FusedSteps"]

HALF = (torch.bfloat16, torch.float16)
UNBUILT = (OSError, CalledProcessError)
"""What Triton raises where it cannot build."""
CHECK_ROWS = 8
CHECK_STEPS = 2
OF_CHANGE = 2e-2
"""Largest difference from what the model's own layer adds to its input, over the largest number it adds: steps of bfloat16 are 2^-8."""
OF_VALUE = {torch.bfloat16: 2.0**-7, torch.float16: 2.0**-10, torch.float32: 2.0**-20}
"""And for each number over its size, since it is rounded when it is stored."""


class FusedDecoder:
    """A decoder whose layers have the common parts, behind one context.

    Parameters
    ----------
    decoder : torch.nn.Module
        It has `layers`, `norm`, `embed_tokens` and `rotary_emb`.
    states : States
        Of the context.
    """

    def __init__(self, decoder: Any, states: States) -> None:
        self._decoder = decoder
        self._layers = [FusedLayer(layer) for layer in decoder.layers]
        self._norm = FusedNorm(decoder.norm)
        self._contexts = [(keys[0].contiguous(), values[0].contiguous()) for keys, values in states]
        self.length = states[0][0].shape[2]

    @classmethod
    def of(cls, decoder: Any, states: States, theirs: ModelSteps) -> Self | None:
        """Return the decoder if it is on one GPU in half precision, has the common parts, and says what the model's own steps say."""
        weights = list(decoder.parameters())
        fits = (
            weights[0].is_cuda
            and weights[0].dtype in HALF
            and len({(w.device, w.dtype) for w in weights}) == 1
        )
        if not fits or not has_common_parts(decoder) or kernels() is None:
            return None
        try:
            made = cls(decoder, states)
            return made if made.agrees_with(theirs) else None
        except (*UNLIKE, *UNBUILT, kernels().TritonError):
            return None

    def steps(self, slots: int) -> FusedSteps:
        """Return rows of so many steps."""
        return FusedSteps(self, slots)

    def embedded(self, token_A: torch.Tensor) -> torch.Tensor:
        """Return [A, D]: what the first layer is given."""
        hidden_AD: torch.Tensor = self._decoder.embed_tokens(token_A)
        return hidden_AD

    def through(self, hidden_AD: torch.Tensor, step: int, own: list[Pair]) -> torch.Tensor:
        """Return [A, D]: hidden states after the last norm."""
        delta_AD = None
        turned_by = self._turned_by(hidden_AD, step)
        with torch.cuda.device_of(hidden_AD):  # type: ignore[no-untyped-call]
            for layer, context, kept in zip(self._layers, self._contexts, own, strict=True):
                delta_AD = layer(hidden_AD, delta_AD, turned_by, context, kept, step)
            return self._norm(hidden_AD, delta_AD)

    def empty(self, rows: int, slots: int) -> list[Pair]:
        """Return memory for the keys and values of rows, of each layer [A, H', S, D] each."""
        return [
            tuple(keys.new_empty((rows, len(keys), slots, keys.shape[-1])) for _ in range(2))  # type: ignore[misc]
            for keys, _ in self._contexts
        ]

    def _turned_by(self, hidden_AD: torch.Tensor, step: int) -> Pair:
        position_11 = torch.full((1, 1), self.length + step, device=hidden_AD.device)
        cos, sin = self._decoder.rotary_emb(hidden_AD[:1, None], position_ids=position_11)
        width = self._contexts[0][0].shape[-1]
        if cos.numel() != width or sin.numel() != width:
            raise ValueError("heads are turned in part, or each in its own way")
        return cos.reshape(-1).contiguous(), sin.reshape(-1).contiguous()

    @torch.inference_mode()
    def agrees_with(self, theirs: ModelSteps) -> bool:
        """Hold every layer against the model's own, each given what the model's own was given, for a few rows and steps.

        Raises whatever parts raise that only have the names of the common ones.
        """
        seen: list[Pair] = []

        def note(_module: Any, given: tuple[Any, ...], said: Any) -> None:
            seen.append(
                (given[0][:, 0].clone(), (said[0] if isinstance(said, tuple) else said)[:, 0].clone())
            )

        hooks = [layer.register_forward_hook(note) for layer in self._decoder.layers]
        try:
            with torch.cuda.device_of(self._contexts[0][0]):  # type: ignore[no-untyped-call]
                return all(self._agrees_at(theirs, seen, slots) for slots in (0, CHECK_STEPS))
        finally:
            for hook in hooks:
                hook.remove()

    def _agrees_at(self, theirs: ModelSteps, seen: list[Pair], slots: int) -> bool:
        """Do so for rows that keep their keys and values for so many steps; one step keeps none."""
        vocabulary = self._decoder.embed_tokens.num_embeddings
        own = self.empty(CHECK_ROWS, slots)
        token_A = torch.arange(CHECK_ROWS, device=self._contexts[0][0].device) * (vocabulary // CHECK_ROWS)
        for step in range(max(slots, 1)):
            seen.clear()
            said_AD = theirs.feed(token_A, step)
            if len(seen) != len(self._layers) or not torch.equal(self.embedded(token_A), seen[0][0]):
                return False
            turned_by = self._turned_by(said_AD, step)
            for layer, context, kept, (given, expected) in zip(
                self._layers, self._contexts, own, seen, strict=True
            ):
                hidden = given.clone()
                delta = layer(hidden, None, turned_by, context, kept, step)
                if not _near(hidden.float() + delta.float(), expected, given):
                    return False
            if not _near(self._norm(seen[-1][1].clone()).float(), said_AD, torch.zeros_like(said_AD)):
                return False
            token_A = (token_A + 1) % vocabulary
        return True


class FusedSteps:
    """Rows behind the context, a token a row and step; see `row_steps.ModelSteps`."""

    def __init__(self, decoder: FusedDecoder, slots: int) -> None:
        self._decoder = decoder
        self._slots = slots if slots > 1 else 0
        self._own: list[Pair] = []

    def feed(self, token_A: torch.Tensor, step: int) -> torch.Tensor:
        """Return [A, D]: the hidden states of one more token a row."""
        if not self._own or len(self._own[0][0]) != len(token_A):
            self._own = []  # before there is memory for others
            self._own = self._decoder.empty(len(token_A), self._slots)
        return self._decoder.through(self._decoder.embedded(token_A), step, self._own)

    def select(self, rows: torch.Tensor) -> None:
        """Keep some rows."""
        self._own = [(keys.index_select(0, rows), values.index_select(0, rows)) for keys, values in self._own]


def _near(ours: torch.Tensor, theirs: torch.Tensor, given: torch.Tensor) -> bool:
    wide = theirs.float()
    largest = OF_CHANGE * (wide - given.float()).abs().max() + OF_VALUE[theirs.dtype] * wide.abs()
    # Not the other way round: NaN is no agreement.
    return bool(((ours - wide).abs() <= largest).all())
