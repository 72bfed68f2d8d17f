"""Makes the tiny checkpoints of tests/data/families, one folder a model family, with their goldens."""
