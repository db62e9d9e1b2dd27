"""Output for terminal, log and metrics."""
