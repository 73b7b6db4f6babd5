"""What the worker includes: the suite's own tasks, on the platform's application."""

import djangoNinja
from t.integration import tasks as theirs

djangoNinja.app.register_task(theirs.ClassBasedAutoRetryTask())
