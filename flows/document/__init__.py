"""The steps that write a document, and the data that they need; no Prefect."""
