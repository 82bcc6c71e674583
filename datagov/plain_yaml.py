"""YAML as people mean it: words are words, dates are text, and no key stands twice."""

from __future__ import annotations

import re
from typing import Any

import yaml

from datagov.errors import ConfigError

__all__ = ["read_yaml"]

BOOL = "tag:yaml.org,2002:bool"
FLOAT = "tag:yaml.org,2002:float"
MERGE = "tag:yaml.org,2002:merge"
TIMESTAMP = "tag:yaml.org,2002:timestamp"


class PlainLoader(yaml.SafeLoader):
    """SafeLoader, with the scalars of YAML 1.2 where those of 1.1 surprise.

    In YAML 1.1 `on`, `off`, `yes` and `no` are truth values, so that the key `on` of a step and the
    stop word `no` are not text; a bare date is an object; and `1e3` is text.
    """


def unique_mapping(loader: PlainLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    """Construct a mapping, or say which of its keys stands there twice."""
    keys = [(key, loader.construct_object(key, deep=True)) for key, _ in node.value if key.tag != MERGE]
    for at, (key_node, key) in enumerate(keys):
        if any(key == earlier for _, earlier in keys[:at]):
            line = key_node.start_mark.line + 1
            raise ConfigError(f"line {line}: the key {key!r} is written twice.")
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


PlainLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, unique_mapping)
PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in {BOOL, TIMESTAMP}]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
PlainLoader.add_implicit_resolver(BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
PlainLoader.add_implicit_resolver(
    FLOAT, re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)[eE][-+]?[0-9]+$"), list("-+.0123456789")
)


def read_yaml(text: str) -> Any:
    """Return what a YAML text says.

    Raises
    ------
    ConfigError
        The text is not YAML, or a key of a mapping is written twice. The message says where in the
        text; whoever knows the file puts its name before it.
    """
    try:
        return yaml.load(text, PlainLoader)  # noqa: S506 - a subclass of SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError(f"not YAML: {error}") from error
