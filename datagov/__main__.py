"""`python -m datagov` is the command `datagov`."""

from __future__ import annotations

import sys

from datagov.cli import main

if __name__ == "__main__":
    sys.exit(main())
