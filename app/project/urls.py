"""Where the API stands: at the root, for its probes stand beside `/api/`."""

from django.urls import path

from jobs.api import api

urlpatterns = [path("", api.urls)]
