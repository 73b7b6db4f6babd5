"""The platform as a Django application: at start it loads every task, or says why it cannot."""

from pathlib import Path
from typing import NoReturn

from django.apps import AppConfig
from pydantic import ValidationError

from jobs import tracing
from jobs.celery_app import stand_in
from jobs.conf import settings
from jobs.errors import DeclarationError
from jobs.registry import load


class JobsConfig(AppConfig):
    name = "jobs"

    def ready(self) -> None:
        """Load the tasks.

        Raises:
            SystemExit: a setting or a task is wrong; one line says which and where, the same for
                `manage.py`, gunicorn and Celery.
        """
        try:
            packages = settings().TASK_PACKAGES
        except ValidationError as error:
            fault = error.errors()[0]
            _stop(f"setting JOBS_{'.'.join(map(str, fault['loc']))}: {fault['msg']}")
        stand_in()
        tracing.load()
        try:
            load(packages)
        except DeclarationError as error:
            _stop(error.detail)
        except ModuleNotFoundError as error:
            if error.name not in packages:
                raise
            _stop(f"setting JOBS_TASK_PACKAGES: there is no package {error.name!r} in {Path.cwd()}")


def _stop(fault: str) -> NoReturn:
    raise SystemExit(f"taskbell: {' '.join(fault.split())}") from None
