"""What the worker includes: the suite's own tasks, on the platform's application."""

from t.integration import tasks as theirs

import djangoNinja

djangoNinja.app.register_task(theirs.ClassBasedAutoRetryTask())
