"""The text that Prometheus reads, line by line.

It is the one that `prometheus_client` makes, which makes objects of each series and judges each name
anew: of ten thousand series that is most of the time of a scrape. No name here is a stranger's.
"""

from collections.abc import Callable, Sequence

from prometheus_client.utils import floatToGoString

from jobrunner.metrics.names import Metric

_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_WRITTEN_AS_BY_PYTHON = 1e6
"""Go writes larger numbers with an exponent."""


def top(metric: Metric) -> str:
    """What is said of a metric before its series."""
    return f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.kind}\n"


def labels_of(names: Sequence[str]) -> Callable[[Sequence[str]], str]:
    """From the values of these labels to `{job="a",queue="b"}`, in the order of the names."""
    ordered = sorted((name, index) for index, name in enumerate(names))
    if not names:
        return lambda _: ""
    if len(names) == 1:  # most of all series
        return lambda key: f'{{{names[0]}="{_escaped(key[0])}"}}'
    return lambda key: (
        "{" + ",".join([f'{name}="{_escaped(key[index])}"' for name, index in ordered]) + "}"
    )


def _escaped(value: str) -> str:
    return value.translate(_ESCAPED) if "\\" in value or "\n" in value or '"' in value else value


def line(name: str, labels: str, number: float) -> str:
    """One series."""
    return f"{name}{labels} {number_text(number)}\n"


def number_text(number: float) -> str:
    """`1.0`, `1.7e+09`, `+Inf`."""
    if -_WRITTEN_AS_BY_PYTHON < number < _WRITTEN_AS_BY_PYTHON:
        return repr(float(number))
    told: str = floatToGoString(number)  # type: ignore[no-untyped-call]  # it has none
    return told
