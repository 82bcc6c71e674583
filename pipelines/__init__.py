"""The batch wing: tables in, tables out. Knows datagov; never torch, never detectors."""
