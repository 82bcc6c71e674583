"""Models behind an HTTP endpoint: asked with token ids, believed after a probe.

`client` carries requests, a module of `conventions` speaks one engine's dialect, `answers` refuses what no
model says, `endpoint` asks in batches, `probe` finds out what may be believed, `target` is what methods see.
"""

from detectors.targets.http.target import HttpTarget, open_target

__all__ = ["HttpTarget", "open_target"]
