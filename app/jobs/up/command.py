"""A run of `up`, as a process: its signals, its lock, its event loop."""

import asyncio
import signal

from jobs.up.log import Log
from jobs.up.plan import Plan
from jobs.up.preflight import check, hold
from jobs.up.runner import Runner

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def up() -> int:
    """Run all services until a signal; gives the exit code.

    Raises:
        CannotStart: nothing was started; the message is one line.
    """
    plan = Plan.read()
    with hold(plan):
        check(plan)
        return asyncio.run(_run(plan))


async def _run(plan: Plan) -> int:
    runner = Runner(plan, Log())
    for each in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(each, runner.stop)
    return await runner.run()
