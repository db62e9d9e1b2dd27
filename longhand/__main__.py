"""`python -m longhand` is the command `longhand`."""

from longhand.cli import main

if __name__ == "__main__":
    main()
