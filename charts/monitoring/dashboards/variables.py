"""The variables above the pages.

`namespace` and `job` tell installations apart; without Kubernetes there is no namespace, and all is right.
"""

from charts.monitoring.dashboards.page import Variable
from charts.monitoring.dashboards.queries import Scope

_HERE = 'namespace=~"$namespace",job=~"$job"'
LEDGER = Scope(narrowed=_HERE)
QUEUES = Scope(narrowed=f'{_HERE},queue=~"$queue"')
TASK = Scope(narrowed=f'{_HERE},queue=~"$queue",task="$task"')
# Another name: the API's own page may be scraped as another job, and the links take variables along.
REQUESTS = Scope(narrowed='namespace=~"$namespace",job=~"$api",route=~"$route"')
# The same for workers.
EACH_WORKER = Scope(narrowed='namespace=~"$namespace",job=~"$workers"')
# Its job is another than the ledger's, and a namespace has one at the most.
ADAPTER = Scope(narrowed='namespace=~"$namespace"')

_JOBS = 'taskbell_ledger_up{namespace=~"$namespace"}'
_PODS = 'taskbell_http_requests_total{namespace=~"$namespace"}'
INSTALLATION = (
    Variable(name="namespace", label="Namespace", values="label_values(taskbell_ledger_up, namespace)"),
    Variable(name="job", label="Installation", values=f"label_values({_JOBS}, job)"),
)
QUEUE = Variable(
    name="queue", label="Queue", values=f"label_values(taskbell_jobs_submitted_total{{{_HERE}}}, queue)"
)
ONE_TASK = Variable(
    name="task", label="Task", one=True,
    values=f"label_values(taskbell_jobs_submitted_total{{{_HERE}}}, task)",
)  # fmt: skip
WORKERS = Variable(
    name="workers", label="Workers",
    values='label_values(taskbell_worker_slots{namespace=~"$namespace"}, job)',
)  # fmt: skip
API = (
    Variable(
        name="namespace", label="Namespace", values="label_values(taskbell_http_requests_total, namespace)"
    ),
    Variable(name="api", label="API", values=f"label_values({_PODS}, job)"),
    Variable(
        name="route", label="Route",
        values='label_values(taskbell_http_requests_total{namespace=~"$namespace",job=~"$api"}, route)',
    ),
)  # fmt: skip
