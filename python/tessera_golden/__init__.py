"""Writes Tessera golden files from Hugging Face transformers: see `python -m tessera_golden --help`."""
