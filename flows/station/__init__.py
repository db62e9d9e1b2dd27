"""The service of one machine: a supervisor of a Prefect server and a worker."""
