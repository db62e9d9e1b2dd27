"""Documents that are known: their passages, found by meaning, and the notes that a section is written from."""
