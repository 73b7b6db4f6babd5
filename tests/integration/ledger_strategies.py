"""What the state machine draws from: few values, so that calls meet."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from jobs.ledger import Ending, State, Submission, Unique
from jobs.limits import Limit, Limits, Rate

QUEUES = ("celery", 'a "quoted" queue')
MAX_RUNNING, MAX_LENGTH = {QUEUES[1]: 2}, {QUEUES[1]: 4}
QUEUE_LIMITS = {QUEUES[1]: {"max_running": 2, "max_length": 4}}
HOUR = timedelta(hours=1)
HOURLY = Limit(rate=Rate(count=1, per=HOUR))
LIMITS = {
    "count": Limits(),
    "mail": Limits(task=HOURLY),
    "process": Limits(task=Limit(max_running=2), each_key=Limit(max_running=1)),
    "resize": Limits(each_key=HOURLY),
}
TASKS = tuple(LIMITS)
IDS = ("job-1", "job-2", "job-3", "job-4", "job-5", "job-6", 'ein "Zitat"/ä', "日本 %$ID$")
KNOWN = (TASKS, TASKS, TASKS[:1])
"""What the worker of each holder knows."""
PAST, FUTURE = datetime(2001, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

queues = st.sampled_from([QUEUES[0], QUEUES[0], QUEUES[0], QUEUES[1]])
tasks = st.sampled_from([*TASKS, "count", "process", "process", "resize"])
hands = st.sampled_from(range(len(KNOWN)))
picks = st.integers(0, len(IDS) - 1)
endings = st.builds(
    Ending,
    outcome=st.sampled_from([State.SUCCESS, State.FAILURE, State.REVOKED, State.RETRY, State.PENDING]),
    meta=st.sampled_from(["", '{"status":"X","result":null,"traceback":null,"children":[]']),
    delay=st.sampled_from([timedelta(0), HOUR]), due=st.sampled_from([None, None, PAST]),
    arguments=st.sampled_from(["", '{"other":1}']), stored=st.booleans(),
    error=st.sampled_from(["", '{"class":"ValueError"}']),
)  # fmt: skip

turns = st.tuples(hands, queues, endings, st.sampled_from(["", *QUEUES]), st.booleans())
uniques = st.builds(
    Unique, kind=st.sampled_from(["a", "b"]), while_waiting=st.booleans(), refuse=st.booleans()
)
submissions = st.builds(
    Submission, id=st.sampled_from(IDS), task=tasks, queue=queues,
    arguments=st.sampled_from(["{}", "{}", '{"other":2}']),
    priority=st.sampled_from([0, 0, 0, 0, 1, 9]), key=st.sampled_from(["", "k|1", "another"]),
    delay=st.sampled_from([timedelta(0)] * 9 + [HOUR]), due=st.sampled_from([None] * 9 + [PAST, FUTURE]),
    expires=st.sampled_from([None] * 9 + [FUTURE, PAST]), unique=st.sampled_from([None] * 3) | uniques,
    idempotency_key=st.sampled_from([""] * 6 + ["once", "twice"]),
    objective=st.sampled_from([None, None, HOUR, timedelta(microseconds=1)]),
)  # fmt: skip
