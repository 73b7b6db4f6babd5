"""The wiring: the environment in, a Django project out."""
