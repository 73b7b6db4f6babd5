"""The API put together: a route for each task, the jobs, the probes, and what documents them."""

from jobs.api import health, jobs, metrics, openapi, pools, problems, queues, tasks

api = openapi.DocumentedAPI(
    title="taskbell",
    version="1",
    description="Submit a job, get its `task_id`, read its status. Errors are `application/problem+json`.",
    openapi_url="/api/openapi.json",
    docs_url="/api/docs",
    docs=openapi.Page(),
)
problems.install(api)
api.add_router("", tasks.router())
api.add_router("", tasks.pausing())
api.add_router("", jobs.router)
api.add_router("", tasks.other_names())
api.add_router("", queues.router)
api.add_router("", pools.router)
api.add_router("", health.router)
api.add_router("", metrics.router)
api.add_router("", openapi.assets)
