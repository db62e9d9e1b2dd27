"""Everything that knows Prefect: its server, its API, the work pool, the flow and the schedules."""
