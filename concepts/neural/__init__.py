"""What the networks share: layers, diffusion, normalizers, number formats, devices, processes."""
