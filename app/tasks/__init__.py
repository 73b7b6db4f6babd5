"""Your tasks: one file per subject. Every module here is loaded at start."""
