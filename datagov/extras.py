"""Optional libraries: loaded when first used, and named by version in what is recorded of work done with them."""

from __future__ import annotations

from functools import cache
from importlib import import_module, metadata
from typing import Any, Final

from datagov.errors import ConfigError

__all__ = ["load", "named"]

EXTRA: Final = {
    "fastwarc": ("web", "fastwarc"),
    "resiliparse": ("web", "resiliparse"),
    "trafilatura": ("trafilatura", "trafilatura"),
    "fasttext-numpy2": ("classify", "fasttext"),
    "ftfy": ("repair", "ftfy"),
    "kenlm": ("lm", "kenlm"),
    "lingua-language-detector": ("lingua", "lingua"),
    "opencc": ("zh", "opencc"),
    "phonenumbers": ("pii", "phonenumbers"),
    "publicsuffixlist": ("pii", "publicsuffixlist"),
    "py3langid": ("language", "py3langid"),
    "python-stdnum": ("pii", "stdnum"),
    "scikit-learn": ("classify", "sklearn"),
    "scipy": ("classify", "scipy"),
    "sentencepiece": ("lm", "sentencepiece"),
}
"""Library -> the extra of this package that installs it, and the module it is imported as."""


@cache
def named(*libraries: str) -> str:
    """Return `NAME VERSION` of installed libraries, joined by commas; their versions decide what is done with them.

    Raises
    ------
    ConfigError
        One is not installed; the message names the extra.
    """
    return ", ".join(f"{library} {version(library)}" for library in libraries)


def version(library: str) -> str:
    """Return the version of an installed library, or raise ConfigError that names the extra to install."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        extra, _ = EXTRA[library]
        raise ConfigError(
            f"this needs {library}, which is not installed: pip install 'datagov[{extra}]'"
        ) from None


def load(library: str, *, expected: str | None, module: str | None = None) -> Any:
    """Import a library, and check that it is the one the work was planned with.

    Parameters
    ----------
    library : str
    expected : str or None
        What `named` returned where the recipe was read, for this library and others; None takes any version.
    module : str or None
        The module wanted of it; the library's own unless given.

    Raises
    ------
    ConfigError
        It is not installed, or it is another version than expected: two workers with different
        versions would write different texts.
    """
    here = named(library)
    if expected is not None and here not in expected.split(", "):
        raise ConfigError(
            f"this was planned with {expected}, and this process has {here}: install one version everywhere"
        )
    return import_module(module or EXTRA[library][1])
