"""All code that uses Prefect: server, API, work pool, flow and schedules."""
