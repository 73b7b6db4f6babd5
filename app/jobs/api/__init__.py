"""The HTTP face of the platform; the only package that knows Django Ninja."""

from jobs.api.application import api

__all__ = ["api"]
