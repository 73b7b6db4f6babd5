"""The whole platform in the foreground, for a developer: `manage.py up`, or `make up`.

Knows the services only as processes that run and answer, never their insides. Production has
Compose and Kubernetes instead.
"""

from jobs.up.command import up
from jobs.up.plan import CannotStart

__all__ = ["CannotStart", "up"]
