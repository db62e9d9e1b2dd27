"""Training and measuring a concept space."""
