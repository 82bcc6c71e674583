"""Object stores by URL: reading through pyarrow's file systems, creating on condition through obstore.

Credentials and region come from where the AWS tools look for them (`AWS_ACCESS_KEY_ID`, profiles, the
machine's role); `AWS_ENDPOINT_URL` names a server other than Amazon's.
"""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs

from datagov.errors import ConfigError

__all__ = ["filesystem_of"]


@cache
def filesystem_of(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path on it, without a slash at the end.

    Raises
    ------
    ConfigError
        Not an `s3://` URL with a bucket.
    """
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ConfigError(f"{url}: expected a path on this machine, or s3://BUCKET/FOLDER")
    try:
        store, path = fs.FileSystem.from_uri(url)
    except (pa.ArrowInvalid, OSError) as error:
        raise ConfigError(f"{url}: cannot be used ({' '.join(str(error).split())})") from error
    return store, path.rstrip("/")
