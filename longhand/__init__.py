"""What people touch: the command line `longhand`."""

__version__ = "0.1.0"

__all__ = ["__version__"]
