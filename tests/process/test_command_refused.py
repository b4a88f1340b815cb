"""A worker that was not told to run commands runs none."""

from tests.ledger import Ledger
from tests.waiting import wait_until
from tests.worker.conftest import Send


def test_a_command_is_refused_where_the_worker_does_not_allow_it(
    send: Send, ledger: Ledger
) -> None:
    run_id = send(None, command=["true"], retry={"max_retries": 5})
    wait_until(lambda: ledger.state(run_id) == "failed")
    assert "JOBRUNNER_ALLOW_COMMANDS=true" in ledger.run(run_id)["error"]
