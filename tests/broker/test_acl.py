"""A user of Redis with the rights that the documentation names, and no others."""

from pathlib import Path

from kombu import Connection
from sqlalchemy import Engine

from jobrunner.embedded.children import Supervisor
from tests.broker.private_valkey import open_valkey
from tests.ledger import Ledger
from tests.project import open_project
from tests.servers import redis_client
from tests.waiting import wait_until

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "workers.md"


def documented_rule() -> list[str]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return next(line.split() for line in lines if line.startswith("ACL SETUSER"))


def test_fault_21_the_documented_rights_are_enough_also_for_a_redis_that_was_emptied(
    supervisor: Supervisor, database_url: str, engine: Engine
) -> None:
    ledger = Ledger(engine)
    job_id = ledger.add_job("acme.quick")
    with open_valkey() as url, Connection(url) as connection:
        admin = redis_client(connection)
        admin.execute_command(*documented_rule())
        own_url = url.replace("://", "://jobs:secret@", 1)
        with open_project(supervisor, database_url, own_url) as folder:
            folder.write("acme.py", "def quick(): pass\n")
            folder.start("beat").wait_for_line("database_connected")
            worker = folder.start("worker", "-c", "1")
            worker.wait_for_line("ready")
            first = ledger.add_run(job_id, sent_at=None)
            urgent = ledger.add_run(job_id, sent_at=None, priority=9)
            wait_until(lambda: {ledger.state(first), ledger.state(urgent)} == {"succeeded"})
            admin.flushdb()
            after = ledger.add_run(job_id, sent_at=None)
            wait_until(lambda: ledger.state(after) == "succeeded")
            worker.terminate()
            assert worker.wait() == 0
        assert admin.execute_command("ACL", "LOG") == []
