"""Flower's own configuration: what it keeps, and where it listens.

Every option of Flower's can be set as FLOWER_<OPTION> in the environment; what stands here wins.
"""

import os

port = int(os.environ.get("FLOWER_PORT") or 5555)
# This machine only, unless told otherwise: whoever reaches Flower sees and ends what runs.
address = os.environ.get("FLOWER_ADDRESS") or "127.0.0.1"
max_tasks = 10_000
