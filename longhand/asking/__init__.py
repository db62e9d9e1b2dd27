"""Requests for documents: options, prompts and files, checked before anything is stored."""
