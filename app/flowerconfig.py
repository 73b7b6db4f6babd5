"""Flower's own configuration: what it keeps, where it listens, and who may in.

Every option of Flower's can be set as FLOWER_<OPTION> in the environment; what stands here wins.
"""

import os

from jobs.worker import dashboard
from project.environment import refuse, secret

port = int(os.environ.get("FLOWER_PORT") or 5555)
# This machine only, unless told otherwise: whoever reaches Flower sees and ends what runs.
address = os.environ.get("FLOWER_ADDRESS") or "127.0.0.1"
max_tasks = int(os.environ.get("FLOWER_MAX_TASKS") or 10_000)
tasks_columns = (
    os.environ.get("FLOWER_TASKS_COLUMNS") or "name,uuid,state,attempt,received,started,runtime,worker"
)

if os.environ.get("FLOWER_BASIC_AUTH_FILE"):
    basic_auth = secret("FLOWER_BASIC_AUTH").split()
    if not all(":" in each for each in basic_auth):
        refuse("FLOWER_BASIC_AUTH_FILE", "has a line that is no user:password")

dashboard.install()
