"""The project's Celery application, found by its setting: nobody loads it before it is used."""

from typing import Any


def celery_app() -> Any:
    """The application that `CELERY_APP` names."""
    from django.utils.module_loading import import_string

    from jobs.conf import settings

    return import_string(settings().CELERY_APP.replace(":", "."))


def stand_in() -> None:
    """Be what Celery takes where nobody named an application: for `shared_task`, `signature`, `current_app`.

    In every thread; else Celery makes an application of its own, whose broker is at `amqp://localhost`.
    """
    from celery import _state  # a small part of it, and no public one sets a default that is lazy
    from celery.local import Proxy

    _state.set_default_app(Proxy(celery_app))
