"""One context before very many rows: computed once, and, where the model lets us, held in memory once as well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers.cache_utils import Cache
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from datagov.errors import TargetError
from detectors.fingerprint.prefix_cache import PrefixLayer
from detectors.fingerprint.shared_attention import SHARED, ContextCheck, attention_by
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
        False: rows get copies of it. True: never where the model lets us. None: where it is long; on a GPU also for a single step,
        as there an attention for every row and head takes longer to begin than two tokens take.

    Raises
    ------
    TargetError
        The model keeps another state than keys and values.
    """

    def __init__(self, model: Any, decoder: Any, ids: Sequence[int], *, once: bool | None = None) -> None:
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
        self._layers = states
        self._wanted = once
        self._can_share = once is not False and self._ours_is_theirs()

    def cache(self, slots: int) -> Any:
        """Return a cache for rows of so many steps; raises as `refuse_beyond_window` does."""
        self.refuse_beyond_window(slots)
        shared = self._shared_for(slots)
        layers: list[Any] = [PrefixLayer(keys, values, slots, shared=shared) for keys, values in self._layers]
        return Cache(layers=layers)

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

    @contextmanager
    def attended(self, slots: int) -> Iterator[dict[str, Any]]:
        """Let the model attend to the context for rows of a cache of so many steps; give what its passes need besides."""
        if self._shared_for(slots):
            with attention_by(self._config, SHARED):
                yield {"contexts": self._layers}
        else:
            yield {}

    def row_bytes(self, slots: int) -> int:
        """Return the memory that the keys and values of one row take."""
        length = slots if self._shared_for(slots) else self.length + slots
        return sum(
            length * states.shape[1] * states.shape[3] * states.element_size()
            for layer in self._layers
            for states in layer
        )

    def _shared_for(self, slots: int) -> bool:
        pays = self.length >= LONG_CONTEXT or (self._device.type == "cuda" and slots == 1)
        return self._can_share and (pays or self._wanted is True)

    @torch.inference_mode()
    def _ours_is_theirs(self) -> bool:
        """Hold our attention against the model's own, layer by layer, for a few rows and steps."""
        implementation = self._config._attn_implementation  # noqa: SLF001 - what transformers itself reads
        if implementation not in ALL_ATTENTION_FUNCTIONS:
            return False
        check = ContextCheck(implementation)
        cache = Cache(layers=[PrefixLayer(*layer, CHECK_STEPS, shared=True) for layer in self._layers])
        token_B1 = torch.arange(CHECK_ROWS, device=self._device)[:, None] % self._config.vocab_size
        try:
            with attention_by(self._config, SHARED):
                for step in range(CHECK_STEPS):
                    at = torch.full((1, 1), self.length + step, device=self._device)
                    self._decoder(
                        input_ids=token_B1,
                        position_ids=at,
                        past_key_values=cache,
                        use_cache=True,
                        contexts=self._layers,
                        check=check,
                    )
        except (TypeError, KeyError, AttributeError, IndexError, ValueError, RuntimeError):
            # Not every family hands its attention what it is given, or gives it what ours needs.
            return False
        return check.calls == CHECK_STEPS * len(self._layers) and check.agreed
