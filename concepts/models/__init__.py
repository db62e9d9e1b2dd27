"""Models as files: cards, checksums, weights that ship or are fetched, and the start of their libraries."""
