"""Flower's own configuration: what it shows, and where it listens."""

import os

port = int(os.environ.get("FLOWER_PORT", "5555"))
address = os.environ.get("FLOWER_ADDRESS", "127.0.0.1")
