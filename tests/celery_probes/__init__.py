"""Tasks as Celery's users write them, with no thought of the platform; only the tests of that load them."""
