"""What a look at the queues reads: of the runs only those that wait, by their index."""

from sqlalchemy import Engine, text

from jobrunner.db import queues


def test_the_queues_are_told_without_reading_the_runs_that_are_over(engine: Engine) -> None:
    values = {"limit": 10, "sign_of_life_seconds": 5}
    explain = text(f"EXPLAIN {queues._QUEUES.text}")
    with engine.begin() as connection:
        # An empty table is read whole, unless that is made dear.
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(connection.execute(explain, values).scalars())
    assert "Index Scan using runs_sent_idx" in plan
    assert "Seq Scan on runs" not in plan
