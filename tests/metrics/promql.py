"""The metrics and labels that a query of Prometheus names. As much of its grammar as our own queries use."""

import re
from dataclasses import dataclass

_METRIC = re.compile(r"\b((?:jobrunner|celery)_\w+)\b(?:\{([^}]*)\})?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPS = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_VARIABLES = {"$__rate_interval": "1m", "$__range": "6h", "$queue": ".*"}


@dataclass(frozen=True)
class Named:
    """What a query names."""

    metrics: dict[str, frozenset[str]]
    """Each with the labels that it is selected by."""
    grouped_by: frozenset[str]
    """Labels of its results."""


def named_in(query: str) -> Named:
    """The names in a query."""
    metrics: dict[str, frozenset[str]] = {}
    for name, selected in _METRIC.findall(query):
        metrics[name] = metrics.get(name, frozenset()) | frozenset(_LABEL.findall(selected))
    groups = [label.strip() for found in _GROUPS.findall(query) for label in found.split(",")]
    return Named(metrics, frozenset(groups))


def without_variables(query: str) -> str:
    """As Grafana would send it, with some value for each of its variables."""
    for variable, value in _VARIABLES.items():
        query = query.replace(variable, value)
    return query
