"""Corpora to train on: building, storing, embedding."""
