"""The record of every decision: Parquet tables, the DuckDB views over them, and what people ask."""
