"""Asks for runs of one job until it is killed, each with a request key, as long as it takes.

python client.py FILE-OF-ANSWERS ADDRESS
"""

import os
import sys
import time
from itertools import count
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from jobrunner.db.engine import make_engine, transaction
from jobrunner.errors import DatabaseBusy, DatabaseUnavailable
from jobrunner.triggers import trigger_run

PAUSE_SECONDS = 0.25


def main() -> None:
    engine = make_engine(os.environ["JOBRUNNER_DATABASE_URL"], application_name="chaos client")
    file, address = sys.argv[1:]
    with Path(file).open("a", encoding="ascii") as answers:
        for number in count():
            key = f"{os.getpid()}-{number}"
            answers.write(f"{key} {_ask(engine, address, key, number)}\n")
            answers.flush()
            time.sleep(PAUSE_SECONDS)


def _ask(engine: Engine, address: str, key: str, number: int) -> str:
    """The run's id. After an error nobody knows whether it was made; the same key makes it once."""
    while True:
        try:
            with transaction(engine) as connection:
                run = trigger_run(
                    connection,
                    address,
                    created_by="client",
                    kwargs={"number": number},
                    request_key=key,
                )
            return str(run.run_id)
        except (DatabaseUnavailable, DatabaseBusy, DBAPIError):
            time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
