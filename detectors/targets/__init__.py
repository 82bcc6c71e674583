"""Models under test: local checkpoints, HTTP endpoints, GGUF files, and a small n-gram model for tests."""
