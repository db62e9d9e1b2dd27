"""What the terminal, the log and the metrics show."""
