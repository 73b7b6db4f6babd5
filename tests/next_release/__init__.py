"""A task that only workers of the next release know."""
