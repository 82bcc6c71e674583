"""How often each token occurs in a reference corpus: what DC-PDD divides by."""

from __future__ import annotations

from pathlib import Path

from datagov.errors import ConfigError
from datagov.frequency import FrequencyTable, read_frequency

__all__ = ["FrequencyTable", "frequency_for"]


def frequency_for(path: Path, *, tokenizer_digest: str) -> FrequencyTable:
    """Read a table and make sure that it speaks of the target's tokens.

    Raises
    ------
    ConfigError
        It was built with another tokenizer.
    InputError
        It cannot be read.
    """
    table = read_frequency(path)
    if table.tokenizer_digest != tokenizer_digest:
        raise ConfigError(
            f"frequency table {path} was built with tokenizer {table.tokenizer_digest}, and the target's is "
            f"{tokenizer_digest}: its counts would belong to other tokens. Build one with the target's tokenizer: "
            "`datagov frequency build INPUT --tokenizer FILE --output TABLE`"
        )
    return table
