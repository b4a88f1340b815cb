"""Limit and overlap hold however many try at once; `races.py` plays more rounds."""

from sqlalchemy import Engine

from tests.holding.races import CLAIMS, drain, race_beats, race_claims


def test_of_ten_claims_at_once_one_starts_and_nine_wait(engine: Engine) -> None:
    assert race_claims(engine, rounds=100) == {(1, CLAIMS - 1): 100}


def test_fault_47_two_schedules_of_a_skip_job_and_two_beats_give_one_run_and_one_skipped(
    engine: Engine,
) -> None:
    assert race_beats(engine, rounds=100) == {("queued", "skipped"): 100}


def test_every_run_of_a_limited_job_gets_its_turn_and_never_too_many_at_once(
    engine: Engine,
) -> None:
    running = drain(engine, runs=60, limit=3, workers=8)
    assert len(running) == 60
    assert max(running) <= 3
