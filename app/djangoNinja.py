"""The Celery application: `celery -A djangoNinja worker --loglevel=info -c 4`."""

import os

import django
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup()  # the platform's models are loaded with its worker

from jobs.worker import install  # noqa: E402

app = Celery("djangoNinja")
app.config_from_object("django.conf:settings", namespace="CELERY")
install(app)
app.autodiscover_tasks()
