"""What is looked at before anything starts: ports, the user's Redis, another run on the same data."""

import fcntl
import os
import socket
from typing import IO

from jobs.up.plan import CannotStart, Plan

_NEXT_STEP = {"REDIS_PORT": " (or REDIS_URL, to use the server that is there)"}


def check(plan: Plan) -> None:
    """Refuse a plan that could only fail later.

    Raises:
        CannotStart: a port is in use, or no Redis answers at `REDIS_URL`.
    """
    wanted = [("PORT", plan.host, plan.port), ("FLOWER_PORT", plan.host, plan.flower_port)]
    if plan.redis_port:
        wanted.append(("REDIS_PORT", "127.0.0.1", plan.redis_port))
    taken: dict[int, str] = {}
    for name, host, port in wanted:
        if port in taken:
            raise CannotStart(f"{taken[port]} and {name} are both {port}: set one of them to another port.")
        _check_free(name, host, port)
        taken[port] = name
    if not plan.redis_port:
        _check_redis(plan)


def hold(plan: Plan) -> IO[str]:
    """Take the Valkey data for this run alone, until the file that is given is closed.

    Two servers on one append-only file would ruin it. With `REDIS_URL` nothing is taken.

    Raises:
        CannotStart: another run has it.
    """
    plan.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not plan.redis_port:
        return (plan.state / "lock").open("a+")
    lock = (plan.state / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        pid = lock.read().strip()
        lock.close()
        raise CannotStart(f"{plan.state} is in use by process {pid}: stop it, or set TASKBELL_DIR.") from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _check_free(name: str, host: str, port: int) -> None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise CannotStart(f"TASKBELL_HOST={host} is no address of this machine: {error.strerror}.") from None
    with socket.socket(family, kind) as probe:
        # As the servers do; without it the last minute's connections would pass for a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise CannotStart(
                f"port {port} on {host} cannot be used ({(error.strerror or str(error)).lower()}): "
                f"set {name} to another port{_NEXT_STEP.get(name, '')}."
            ) from None


def _check_redis(plan: Plan) -> None:
    if not (address := plan.redis_address):
        return
    try:
        socket.create_connection(address, timeout=3).close()
    except OSError as error:
        # The URL is not shown whole: it may hold a password.
        host, port = address
        reason = (error.strerror or str(error)).lower()
        raise CannotStart(f"REDIS_URL: {host}:{port} does not answer ({reason}).") from None
