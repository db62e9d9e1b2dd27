"""Flows: the only room that joins models to storage. `run.write_document` and `run.resume_document`."""
