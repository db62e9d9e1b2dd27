"""What is done to a document, step by step, and what the steps need to know; no Prefect."""
