"""The system of examples/focus-timer, as its administrator sees it."""

import re
import shutil
import socket
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from httpx2 import Client, TransportError
from sqlalchemy import Connection, Engine, text

from jobrunner import trigger
from jobrunner.run import RunState
from tests.project import Project, StartedProcess
from tests.waiting import wait_until

EXAMPLE = Path(__file__).parents[2] / "examples" / "focus-timer"
NOT_COPIED = shutil.ignore_patterns(".jobrunner", "__pycache__")
PATIENCE_SECONDS = 90.0
TEMPLATES = "/admin/focus/template/"
TODOS = "/admin/focus/todo/"
SCHEDULES = "/admin/jobrunner/scheduledjob/"
RUNS = "/admin/jobrunner/run/"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@dataclass(frozen=True)
class Site:
    """What `./up` has started, with an administrator signed in."""

    project: Project
    client: Client
    engine: Engine

    def sign_in(self) -> None:
        """Once it answers."""
        wait_until(self._answers, timeout_seconds=PATIENCE_SECONDS)
        self.send("/admin/login/", username="admin", password="admin", next="/")  # noqa: S106

    def page(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def send(self, path: str, **fields: Any) -> str:
        """The page after a form; one with a mistake is no failure of this."""
        self.page(path)  # its cookie is the form's
        token = self.client.cookies["csrftoken"]
        answer = self.client.post(path, data={**fields, "csrfmiddlewaretoken": token})
        assert answer.status_code == 200, answer.text
        return answer.text

    def save_template(self, title: str, rule: str, path: str = "add/", **fields: str) -> str:
        """In the admin; the page that follows."""
        form = {
            "title": title,
            "rule": rule,
            "first_day": "2026-01-05",
            "time_of_day": "09:00",
            "time_zone": "Europe/Berlin",
            **fields,
        }
        return self.send(f"{TEMPLATES}{path}", **form)

    def insert_template(self, title: str, rule: str, first_day: date) -> int:
        """Behind the admin's back, so that nothing has been written for it."""
        with self.engine.begin() as connection:
            return int(
                connection.execute(
                    text(
                        "INSERT INTO focus_template (title, rule, first_day, time_of_day, time_zone) "
                        "VALUES (:title, :rule, :first_day, '09:00', 'Europe/Berlin') RETURNING id"
                    ),
                    {"title": title, "rule": rule, "first_day": first_day},
                ).scalar_one()
            )

    def template_id(self, title: str) -> int:
        (found,) = self.ask("SELECT id FROM focus_template WHERE title = :title", title=title)
        return int(found)

    def todos(self, title: str) -> list[datetime]:
        """When those of a template are due, in order; UTC."""
        found = self.ask(
            "SELECT occurs_at FROM focus_todo JOIN focus_template AS t ON t.id = template_id "
            "WHERE t.title = :title ORDER BY occurs_at",
            title=title,
        )
        return [moment.astimezone(UTC) for moment in found]

    def wait_for_todos(self, title: str, count: int) -> list[datetime]:
        wait_until(lambda: len(self.todos(title)) == count, timeout_seconds=PATIENCE_SECONDS)
        return self.todos(title)

    def ask(self, statement: str, **values: object) -> list[Any]:
        """The first column."""
        return [row[0] for row in self.rows(statement, **values)]

    def rows(self, statement: str, **values: object) -> list[Any]:
        with self.engine.begin() as connection:
            return list(connection.execute(text(statement), values))

    def manage(self, *words: str) -> StartedProcess:
        """A command of `manage.py`, beside the test."""
        return self.project.start_program("python", "manage.py", *words)

    def start(self, **kwargs: int) -> uuid.UUID:
        """A run of the generator, by the worker."""
        with self.engine.begin() as connection:
            return trigger("focus/generate", kwargs, session=connection).run_id

    def ended(self, run_id: uuid.UUID) -> tuple[str, str | None]:
        """The state of the run once it is over, and its error."""
        statement = "SELECT state, error FROM jobrunner.runs WHERE id = :id"
        wait_until(
            lambda: RunState(self.rows(statement, id=run_id)[0].state).is_final,
            timeout_seconds=PATIENCE_SECONDS,
        )
        ((state, error),) = self.rows(statement, id=run_id)
        return state, error

    def run_id(self, page: str) -> str:
        """Of the newest run on a page of the admin."""
        found = re.search(rf'href="{RUNS}([0-9a-f-]+)/change/', page)
        assert found is not None, page
        return found[1]

    def _answers(self) -> bool:
        with suppress(TransportError):
            return self.client.get("/").status_code == 200
        return False


def hold_templates(connection: Connection) -> None:
    """Nobody reads a template until the transaction ends."""
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    connection.execute(text("LOCK TABLE focus_template IN ACCESS EXCLUSIVE MODE"))


def hold_template(connection: Connection, template: int) -> None:
    """Nobody writes the to-dos of this one until the transaction ends."""
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    connection.execute(
        text("SELECT 1 FROM focus_template WHERE id = :id FOR UPDATE"), {"id": template}
    )


WAITING = (
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'focus_template'::regclass"
)

WAITING_FOR_ROWS = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
    "AND query LIKE '%focus_template%' AND datname = current_database()"
)
