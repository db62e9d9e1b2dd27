"""Whole documents measured: prompts, systems that write, judges, and one table."""
