"""Tasks that name no application, as Celery's users declare them, in a process that is no worker."""

import subprocess
import sys

from tests.servers import APP, environment
from tests.workers import ROOT

SUBMITS = """
import threading
from celery import current_app, signature

def submit():
    from tests.probes.probes import plain_add
    print(plain_add.delay(1, 2).id)
    print(plain_add.apply_async_on_commit((1, 2)).id)
    print(signature("plain_add", (1, 2)).apply_async().id)
    print(current_app.main)

thread = threading.Thread(target=submit)
thread.start()
thread.join()
submit()
"""


def test_a_shared_task_submits_to_the_ledger_from_any_thread_of_any_process(platform, valkey_url):
    env = environment(valkey_url) | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", SUBMITS]
    run = subprocess.run(command, cwd=APP, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    told = run.stdout.split()
    assert [told[3], told[7]] == ["djangoNinja", "djangoNinja"]
    jobs = {*told[:3], *told[4:7]}
    assert len(jobs) == 6
    assert {platform.ledger.record(job).fields["task"] for job in jobs} == {"plain_add"}
