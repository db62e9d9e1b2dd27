"""Flows: the only room that joins models to storage. `flow.write_document` is the flow, `order` its steps."""
