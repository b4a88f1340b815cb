"""The page of the reference that lists every metric."""

from collections.abc import Iterable, Iterator

from jobrunner.metrics.names import OF_CELERY, OWN, Metric

_TOP = """\
# Metrics

`/metrics` of `jobrunner web`, below its prefix, is text for Prometheus. It is read from the database when
it is asked for, so it is the same from each process, and no restart and no deletion of history lowers a
counter. [Metrics, dashboards and traces](../how-to/metrics.md) says how to scrape it.

Labels come from applied definitions alone; `job` is an address, as `namespace/job`. A deleted job has no
series any more; in the histograms its runs stay. Buckets of the histograms end at 0.1, 0.25, 0.5, 1, 2.5,
5, 15, 60, 300, 1800 and 7200 seconds.
"""
_CELERY = """
## Names of Celery dashboards

With `JOBRUNNER_METRICS_CELERY_NAMES=true` the same runs are also told under these names. `task` is the
address of the job.
"""


def metrics_reference() -> str:
    """Markdown."""
    return "\n".join([_TOP, *_table(OWN), _CELERY, *_table(OF_CELERY)]) + "\n"


def _table(metrics: Iterable[Metric]) -> Iterator[str]:
    yield "| name | labels | kind | what it is |"
    yield "|---|---|---|---|"
    for metric in metrics:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        yield f"| `{metric.name}` | {labels} | {metric.kind} | {metric.help} |"
