"""The concept diffusion writer: plan items to sentence concepts, and concepts to text."""
