"""The database itself: connections, schema version, tables, clock, queries as methods."""
