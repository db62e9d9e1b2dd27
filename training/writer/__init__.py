"""Training and measuring the concept diffusion writer."""
