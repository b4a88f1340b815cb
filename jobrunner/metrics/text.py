"""Families → the text that Prometheus reads."""

from collections.abc import Iterable, Iterator

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def text_of(families: Iterable[Family]) -> bytes:
    """The same as `prometheus_client.generate_latest` of them, which judges each name of each series
    anew: of ten thousand series that is most of the time of a scrape. No name here is a stranger's.
    """
    return "".join(line for family in families for line in _lines(family)).encode()


def _lines(family: Family) -> Iterator[str]:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    yield f"# HELP {name} {family.documentation}\n# TYPE {name} {family.type}\n"
    yield from map(_line, family.samples)


def _line(sample: Sample) -> str:
    labels = ",".join(
        f'{label}="{value.translate(_ESCAPED)}"' for label, value in sorted(sample.labels.items())
    )
    labelled = f"{sample.name}{{{labels}}}" if labels else sample.name
    return f"{labelled} {floatToGoString(sample.value)}\n"  # type: ignore[no-untyped-call]  # it has none
