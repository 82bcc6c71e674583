"""Membership scores, one method a file: pure functions of traces, in float64, higher = more likely a member."""
