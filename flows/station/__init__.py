"""One machine's service: a supervisor of a Prefect server and a worker."""
