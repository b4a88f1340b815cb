"""Two applies at once leave what one after the other leaves, however their statements fall."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from jobrunner.errors import Conflict, StalePlan
from jobrunner.spec.models import DefinedJob
from tests.properties.interleaving import run_interleaved
from tests.reconcile.acme import Reconciler, make_job

_ADDRESSES = ("a/b", "a/c", "a/d")
_FIELDS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "queue": st.sampled_from(["x", "y"]),
        "schedules": st.sampled_from([[], [{"every": "1h"}], [{"every": "2h", "jitter": "5m"}]]),
    }
)
_JOBS = st.dictionaries(st.sampled_from(_ADDRESSES), _FIELDS, max_size=3).map(
    lambda jobs: [make_job(address, **fields) for address, fields in sorted(jobs.items())]
)
_STATEMENTS = 40
"""More than such an apply sends, so that the turns bring both of them to their ends."""
_TURNS = st.lists(st.integers(0, 1), max_size=2 * _STATEMENTS)
_EMPTY = "TRUNCATE jobrunner.projects, jobrunner.pauses CASCADE"


@dataclass(frozen=True)
class _Apply:
    """Of a project, perhaps only as it is planned before either of the two begins."""

    project: str
    jobs: Sequence[DefinedJob]
    is_expected: bool = False


_APPLIES = st.builds(_Apply, st.sampled_from(["acme", "acme", "other"]), _JOBS, st.booleans())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(
    before=[],
    both=(_Apply("acme", [make_job("a/b")]), _Apply("other", [make_job("a/b")])),
    turns=[],
)
@given(before=_JOBS, both=st.tuples(_APPLIES, _APPLIES), turns=_TURNS)
def test_fault_62_two_applies_at_once_equal_some_serial_order(
    acme: Reconciler,
    database_url: str,
    before: Sequence[DefinedJob],
    both: tuple[_Apply, _Apply],
    turns: Sequence[int],
) -> None:
    first, second = _begin(acme, before, both)
    forward = _left(acme, [first(acme.engine), second(acme.engine)])
    first, second = _begin(acme, before, both)
    backward = _left(acme, [second(acme.engine), first(acme.engine)][::-1])

    works = _begin(acme, before, both)
    at_once = _left(acme, run_interleaved(database_url, acme.engine, works, turns))

    assert at_once in (forward, backward)


def _begin(
    acme: Reconciler, before: Sequence[DefinedJob], both: Iterable[_Apply]
) -> list[Callable[[Engine], str]]:
    """Nothing but `before` is in force; the two are ready to begin."""
    acme.execute(_EMPTY)
    acme.apply(*before)
    return [_ready(acme.engine, one) for one in both]


def _ready(engine: Engine, apply: _Apply) -> Callable[[Engine], str]:
    digest = ""
    if apply.is_expected:
        try:
            digest = Reconciler(engine, apply.project).plan(*apply.jobs).digest
        except Conflict:  # another project has one of its addresses
            digest = "of no plan"

    def work(engine: Engine) -> str:
        own = Reconciler(engine, apply.project)
        try:
            return f"revision {own.apply(*apply.jobs, expected_digest=digest).revision}"
        except (Conflict, StalePlan) as error:
            return type(error).__name__

    return work


def _left(acme: Reconciler, results: Sequence[object]) -> object:
    owners = acme.query(
        "SELECT p.name, p.revision, j.address, j.deleted_at IS NULL AS is_in_force"
        "  FROM jobrunner.projects p LEFT JOIN jobrunner.jobs j ON j.project_id = p.id"
        " ORDER BY 1, 3"
    )
    return list(results), owners, acme.in_force()
