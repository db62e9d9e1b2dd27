"""Evaluation of whole documents: prompts, systems that write, judges, and one table."""
