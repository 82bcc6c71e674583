"""Weights into memory: number format, device, adapter; safetensors only, and no code from the checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from transformers.utils.logging import disable_progress_bar

from datagov.errors import ConfigError, TargetError, did_you_mean
from detectors.targets.adapters import with_adapter
from detectors.targets.precision import DTYPES, compute_in_fp64, without_tf32

__all__ = ["dtype_name", "load_model", "resolve_device", "resolve_dtype"]


def resolve_device(device: str | None) -> str:
    """Return the device to load to: the named one, or the first GPU, or the CPU; `auto` spreads the checkpoint.

    Raises
    ------
    ConfigError
        It is not a device, or not there.
    """
    if device is None:
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if device == "auto":
        return device
    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        raise ConfigError(f"--device {device}: not a device; expected cpu, cuda, cuda:N or auto") from error
    if wanted.type == "cuda" and (wanted.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"--device {device}: this machine has {torch.cuda.device_count()} GPUs")
    return device


def resolve_dtype(dtype: str | None, device: str, *, quantised: bool) -> torch.dtype | str:
    """Return the number format to load in; None is fp32 on a CPU and the checkpoint's own elsewhere.

    Raises
    ------
    ConfigError
        An unknown format, or one asked of a quantised checkpoint.
    """
    if dtype in (None, "auto") or quantised:
        if quantised and dtype not in (None, "auto"):
            raise ConfigError(f"--dtype {dtype}: the checkpoint is quantised and says its own number format")
        return torch.float32 if dtype is None and device == "cpu" and not quantised else "auto"
    if dtype not in DTYPES:
        raise ConfigError(f"--dtype {dtype!r} is not known. {did_you_mean(str(dtype), [*DTYPES, 'auto'])}")
    return DTYPES[dtype]


def load_model(folder: Path, *, dtype: torch.dtype | str, device: str, adapter: Path | None) -> Any:
    """Return the causal language model in a folder, ready for inference, with a LoRA adapter in place if one is named.

    Raises
    ------
    TargetError
        transformers does not know the architecture, or the files are not what the config says.
    """
    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            device_map=device,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
        )
        if adapter is not None:
            model = with_adapter(model, adapter).get_base_model()
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise TargetError(f"{folder}: cannot be loaded ({' '.join(str(error).split())[:500]})") from error
    if device != "cpu" and model.dtype == torch.float32:
        without_tf32()
    return compute_in_fp64(model.eval()) if model.dtype == torch.float64 else model.eval()


def dtype_name(model: Any) -> str:
    """Return the number format of the forward pass, with the method of quantisation where there is one."""
    plain = str(model.dtype).removeprefix("torch.")
    config = getattr(model.config, "quantization_config", None)
    if config is None:
        return plain
    method = config.get("quant_method") if isinstance(config, dict) else getattr(config, "quant_method", None)
    return f"{plain}+{getattr(method, 'value', method) or 'quantised'}"
