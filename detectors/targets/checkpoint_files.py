"""A checkpoint's folder before anything of it is loaded: what is used, what is ignored, what it is called."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xxhash import xxh3_128

from datagov.errors import ConfigError, TargetError
from datagov.ids import digest

__all__ = ["CheckpointFiles", "checkpoint_files", "file_digest", "find_checkpoint"]

RUNS_CODE = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".msgpack", ".h5", ".py", ".so")
"""Files that can run code when they are read, or hold weights in a form we do not read."""
IDENTITY_FREE = ("_name_or_path", "transformers_version")
"""Keys of a config that say where it came from, not what it is."""
READ_BYTES = 1 << 22


@dataclass(frozen=True)
class CheckpointFiles:
    """What a checkpoint's folder holds."""

    folder: Path
    weights: tuple[Path, ...]
    """The safetensors files, in name order."""
    config: dict[str, Any]
    ignored: tuple[str, ...]
    """Names of files that were not opened."""
    digest: str
    """Names weights and config."""


def find_checkpoint(spec: str, revision: str | None) -> Path:
    """Return the folder of a checkpoint: `spec` itself, or a snapshot in the local model cache; nothing is fetched.

    Raises
    ------
    ConfigError
        There is no such folder and no such snapshot.
    """
    folder = Path(spec)
    if folder.is_dir():
        if revision is not None:
            raise ConfigError(f"--revision {revision}: {spec} is a folder; only a model cache has revisions")
        return folder
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - only for names in the cache
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415 - the same

    try:
        return Path(snapshot_download(spec, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise ConfigError(
            f"--target {spec}: no such folder, and no such model{f' at revision {revision}' if revision else ''} in the "
            "local model cache; nothing is downloaded. Name a folder with config.json and *.safetensors"
        ) from error


def checkpoint_files(folder: Path, *, weights_name: str = "*.safetensors") -> CheckpointFiles:
    """Look at a checkpoint's folder; weights are read once for their digest.

    Raises
    ------
    TargetError
        No config, no safetensors, or a model that needs code from the checkpoint.
    """
    config = _config(folder)
    weights = tuple(sorted(folder.glob(weights_name)))
    ignored = tuple(sorted(path.name for path in folder.iterdir() if path.suffix in RUNS_CODE))
    if not weights:
        found = f"; it holds {', '.join(ignored)}, which can run code when read" if ignored else ""
        raise TargetError(
            f"{folder}: no safetensors{found}. Only safetensors are loaded: convert the checkpoint with "
            "save_pretrained in an environment you trust"
        )
    if "auto_map" in config:
        raise TargetError(
            f"{folder}/config.json: auto_map asks for the checkpoint's own code, which is never run. "
            "Use a checkpoint of an architecture that transformers has itself"
        )
    described = {key: value for key, value in config.items() if key not in IDENTITY_FREE}
    return CheckpointFiles(
        folder=folder,
        weights=weights,
        config=config,
        ignored=ignored,
        digest=digest("checkpoint/1", json.dumps(described, sort_keys=True), *map(file_digest, weights)),
    )


def _config(folder: Path) -> dict[str, Any]:
    path = next(
        (folder / name for name in ("config.json", "adapter_config.json") if (folder / name).is_file()), None
    )
    if path is None:
        raise TargetError(f"{folder}: no config.json; expected a checkpoint in the layout of save_pretrained")
    try:
        config = json.loads(path.read_bytes())
    except ValueError as error:
        raise TargetError(f"{path}: not JSON ({error})") from error
    if not isinstance(config, dict):
        raise TargetError(f"{path}: not a JSON object")
    return config


def file_digest(path: Path) -> str:
    """Return 32 hex digits naming the bytes of a file, which is never whole in memory."""
    state = xxh3_128()
    with path.open("rb") as file:
        while block := file.read(READ_BYTES):
            state.update(block)
    return str(state.hexdigest())
