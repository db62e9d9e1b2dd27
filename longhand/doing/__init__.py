"""What commands, the inspector and Python do alike: run, search, refine, train, diagnose."""
