"""One context before very many rows: computed once, and, where the model lets us, held in memory once as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from datagov.errors import TargetError
from detectors.fingerprint.fused_steps import FusedDecoder
from detectors.fingerprint.row_steps import UNLIKE, ModelSteps, Steps
from detectors.fingerprint.shared_attention import ContextCheck
from detectors.targets.context_states import LONG_CONTEXT, attention_window, read_states

__all__ = ["SharedContext"]

CHECK_ROWS = 4
CHECK_STEPS = 2


class SharedContext:
    """The keys and values of a context, and how rows that follow it attend to them.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    decoder : torch.nn.Module
        What gives hidden states: a part of the model, or the model.
    ids : sequence of int
        May be empty.
    once : bool or None
        False: rows get copies of it. True: they share it, if the model lets them. None: they share it if it is long.
    own_steps : bool
        Whether decoders of the common kind on a GPU may take steps of our own (`fused_steps`), in which rows always share it.

    Raises
    ------
    TargetError
        The model keeps another state than keys and values.
    """

    def __init__(
        self,
        model: Any,
        decoder: Any,
        ids: Sequence[int],
        *,
        once: bool | None = None,
        own_steps: bool = True,
    ) -> None:
        self._model, self._decoder = model, decoder
        self._device = model.get_input_embeddings().weight.device
        self._config = model.config.get_text_config(decoder=True)
        self.length = len(ids)
        states = read_states(model, decoder, ids)
        if states is None:
            raise TargetError(
                "this architecture keeps a state that is not keys and values, which forcing cannot share between seeds; "
                "expected a transformer with attention in every layer"
            )
        self._states = states
        self._fused = None
        if own_steps and once is None and decoder is not model:
            self._fused = FusedDecoder.of(decoder, states, self._by_model(CHECK_STEPS, shared=False))
        pays = self.length >= LONG_CONTEXT or once is True
        self._shared = self._fused is None and pays and once is not False and self._ours_is_theirs()

    @property
    def own_steps(self) -> bool:
        """Whether rows take steps of our own."""
        return self._fused is not None

    def steps(self, slots: int) -> Steps:
        """Return rows of so many steps; raises as `refuse_beyond_window` does."""
        self.refuse_beyond_window(slots)
        if self._fused is not None:
            return self._fused.steps(slots)
        return self._by_model(slots, shared=self._shared)

    def refuse_beyond_window(self, slots: int) -> None:
        """Refuse rows that the model's attention does not reach over.

        Raises
        ------
        TargetError
            Context and steps are longer than its attention window.
        """
        window = attention_window(self._model)
        if window is not None and self.length + slots > window:
            raise TargetError(
                f"context and continuation have {self.length + slots} tokens and the model attends to {window}; "
                "ask for fewer tokens or a shorter context"
            )

    def row_bytes(self, slots: int) -> int:
        """Return the memory that the keys and values of one row take."""
        once = self._fused is not None or self._shared
        length = slots if once else self.length + slots
        return sum(
            length * states.shape[1] * states.shape[3] * states.element_size()
            for layer in self._states
            for states in layer
        )

    def _by_model(self, slots: int, *, shared: bool, check: ContextCheck | None = None) -> ModelSteps:
        return ModelSteps(self._config, self._decoder, self._states, slots, shared=shared, check=check)

    @torch.inference_mode()
    def _ours_is_theirs(self) -> bool:
        """Hold our attention against the model's own, layer by layer, for a few rows and steps."""
        implementation = self._config._attn_implementation  # noqa: SLF001 - what transformers itself reads
        if implementation not in ALL_ATTENTION_FUNCTIONS:
            return False
        check = ContextCheck(implementation)
        ours = self._by_model(CHECK_STEPS, shared=True, check=check)
        token_B = torch.arange(CHECK_ROWS, device=self._device) % self._config.vocab_size
        try:
            for step in range(CHECK_STEPS):
                ours.feed(token_B, step)
        except UNLIKE:
            # Not every family hands its attention what it is given, or gives it what ours needs.
            return False
        return check.calls == CHECK_STEPS * len(self._states) and check.agreed
