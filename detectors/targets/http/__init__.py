"""Models behind an HTTP endpoint: asked with token ids, believed after a probe.

`address` says where, `client` carries requests, a module of `conventions` speaks one engine's dialect, `answers` refuses what no
model says, `endpoint` asks in batches, `probe` finds out what may be believed, `target` is what methods see, `opening` makes it.
"""

from detectors.targets.http.opening import open_target
from detectors.targets.http.target import HttpTarget

__all__ = ["HttpTarget", "open_target"]
