"""The platform's commands for `manage.py`."""
