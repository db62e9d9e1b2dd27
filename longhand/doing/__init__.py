"""Functions that commands, the inspector and Python share: run, search, refine, train, diagnose."""
