"""Celery's own integration suite, run against the platform's worker.

Its source is downloaded when it is run, and nothing of it is kept here. `python -m tests.celery_suite`
runs it and prints what passes; `expected.toml` says what must, and what cannot and why.
"""
