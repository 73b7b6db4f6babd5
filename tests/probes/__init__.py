"""Tasks for the tests: they touch files, sleep, fail and die as a test asks."""
