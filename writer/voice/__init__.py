"""The voice: a pretrained causal language model that says concepts as sentences."""
