"""For a host whose dashboard watches Celery over REST: the same paths and shapes, told of jobrunner.

    from jobrunner.contrib.dashboard import make_dashboard

    dashboard = make_dashboard()      # reads JOBRUNNER_DATABASE_URL and the other settings

It is an ASGI app to be mounted below any prefix: `status/`, `workers/`, `queues/`, `tasks/`,
`tasks/{id}/`, `tasks/{name}/execute/`, `health_check/` and `metrics/prometheus/`. Callers are let in by
the same credentials as over `/api/v1`, and see and do no more there than here.
"""

from jobrunner.contrib.dashboard.app import make_dashboard

__all__ = ["make_dashboard"]
