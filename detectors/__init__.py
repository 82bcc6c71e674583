"""The detection wing: text -> trace -> score. Knows datagov; never pipelines.

Nothing is implemented here yet: this package is the door behind which membership scores and
fingerprint probes will live (see docs/architecture.md).
"""
