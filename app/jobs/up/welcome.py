"""What a run says once all is ready: where everything is, and two calls to try."""

from jobs.up.plan import Plan

_TEXT = """
  ┌─ taskbell is ready ─────────────────────────────────────────────────────
  │  API      {api}/api/docs
  │  Flower   http://{host}:{flower_port}
  │  Redis    {redis}
  │  Data     {state}
  │
  │  Submit a job, then ask for it with the task_id of the answer:
  │
  │    curl -X POST {api}/api/tasks/process/ -d '{{"data": "hello"}}'
  │    curl {api}/api/tasks/status/TASK_ID/
  │
  │  Ctrl-C stops all of it, and lets the jobs that run finish.
  └─────────────────────────────────────────────────────────────────────────
"""


def welcome(plan: Plan) -> str:
    """The block, for this run's addresses."""
    host = "localhost" if plan.reachable_host == "127.0.0.1" else plan.reachable_host
    host = f"[{host}]" if ":" in host else host
    redis = f"{plan.redis_address[0]}:{plan.redis_address[1]}" if plan.redis_address else "from REDIS_URL"
    return _TEXT.format(
        api=f"http://{host}:{plan.port}", host=host, flower_port=plan.flower_port,
        redis=redis, state=plan.state,
    )  # fmt: skip
