"""Three containers of examples/request-processing start at the same moment, on servers of their own.

Each is `manage.py start` as its image runs it: told of the servers by parts and files, with one folder
of its own that it may write to.
"""

import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg2
import pytest

from jobrunner.embedded.binaries import find_binaries
from jobrunner.embedded.children import Supervisor
from tests.deploy.given_servers import HOST, GivenServers, open_given_servers
from tests.deploy.given_servers import PASSWORD as SERVERS_PASSWORD
from tests.examples.pollers import cost_of
from tests.examples.request_processing import REQUESTS, Browser, copy_example, free_port
from tests.project import Project, StartedProcess, make_environment
from tests.waiting import wait_until

PATIENCE_SECONDS = 120.0
PASSWORD = "p@ss/w:rd#1"  # noqa: S105  of a role that lives as long as this module
TITLES = ("Requests", 'Ada\'s "requests" <&> more', "Anfragen für 東京 🎉")


@dataclass(frozen=True)
class Replica:
    """One container: its process, and a browser that looks at it."""

    project: Project
    process: StartedProcess
    browser: Browser

    def manage(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """What another start there says. AssertionError unless it ends well."""
        environment = {**self.project.environment, **(environment or {})}
        other = replace(self.project, environment=environment)
        process = other.start_program("python", "manage.py", *arguments)
        assert process.wait(timeout_seconds=PATIENCE_SECONDS) == 0, process.output
        return process.output


@pytest.fixture(scope="module")
def given() -> Iterator[GivenServers]:
    """PostgreSQL, where nothing is migrated and a role has a password of special characters; and Redis."""
    with open_given_servers(find_binaries()) as servers:
        execute(servers, f"CREATE ROLE requests LOGIN PASSWORD '{PASSWORD}'")
        execute(servers, "CREATE DATABASE requests OWNER requests")
        yield servers


@pytest.fixture(scope="module")
def image(supervisor: Supervisor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The folder that all of them run in."""
    folder = tmp_path_factory.mktemp("image")
    copy_example(folder)
    project = Project(folder, supervisor, {})
    yield project
    project.stop_all()


@pytest.fixture(scope="module")
def replicas(
    given: GivenServers, image: Project, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Replica, ...]:
    """Three, started at once; each serves when they are handed out."""
    started = tuple(
        start_replica(given, image, tmp_path_factory.mktemp("replica"), title) for title in TITLES
    )
    for one in started:
        wait_until(one.browser.answers, timeout_seconds=PATIENCE_SECONDS)
    return started


def start_replica(given: GivenServers, image: Project, own: Path, title: str) -> Replica:
    """With a folder of its own, which is all that it writes to."""
    browser = Browser(free_port())
    environment = {
        **make_environment(own, database_url="", broker_url=""),
        **given.environment,
        "POSTGRES_USER": "requests",
        "POSTGRES_DB": "requests",
        "POSTGRES_PASSWORD": "",
        "POSTGRES_PASSWORD_FILE": write_secret(own / "database", PASSWORD),
        "DJANGO_SECRET_KEY_FILE": write_secret(own / "django", "k" * 50),
        "DJANGO_SUPERUSER_USERNAME": "root",
        "DJANGO_SUPERUSER_PASSWORD_FILE": write_secret(own / "administrator", "first"),
        "RUN_FOLDER": str(own / "run"),
        "PORT": str(browser.port),
        "PYTHONDONTWRITEBYTECODE": "1",
        "VITE_APP_TITLE": title,
        "VITE_APP_API_URL": "/api",
    }
    project = replace(image, environment=environment)
    return Replica(project, project.start_program("python", "manage.py", "start"), browser)


def write_secret(file: Path, secret: str) -> str:
    file.write_text(f"{secret}\n", encoding="utf-8")
    return str(file)


def execute(given: GivenServers, statement: str) -> None:
    connection = psycopg2.connect(
        host=HOST,
        port=given.postgres_port,
        user="postgres",
        password=SERVERS_PASSWORD,
        dbname="postgres",
    )
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def ask(given: GivenServers, question: str) -> list[tuple[object, ...]]:
    """The answer of the replicas' own database, with their own role and password."""
    connection = psycopg2.connect(
        host=HOST,
        port=given.postgres_port,
        user="requests",
        password=PASSWORD,
        dbname="requests",
    )
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(question)
        rows = cursor.fetchall()
    connection.close()
    return rows


def who_say(replicas: tuple[Replica, ...], words: str) -> int:
    """How many."""
    return sum(words in one.process.output for one in replicas)


def content_of(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    told = [f"{path.relative_to(folder)} {path.read_bytes()!r}" for path in files]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def test_one_of_them_migrates_and_the_others_find_it_done(replicas: tuple[Replica, ...]) -> None:
    assert who_say(replicas, "Applying processing.0001_initial... OK") == 1
    assert who_say(replicas, "No migrations to apply.") == 2


def test_one_of_them_loads_the_fixtures(replicas: tuple[Replica, ...]) -> None:
    assert who_say(replicas, "currencies is loaded.") == 1
    assert who_say(replicas, "currencies was loaded before.") == 2


def test_nothing_of_the_development_is_loaded(
    replicas: tuple[Replica, ...], given: GivenServers
) -> None:
    assert who_say(replicas, "dev_requests") == 0
    assert ask(given, "SELECT name FROM processing_loadedfixture") == [("currencies",)]


def test_there_is_one_administrator_who_can_sign_in_at_each(
    replicas: tuple[Replica, ...], given: GivenServers
) -> None:
    assert who_say(replicas, "The administrator root is made.") == 1
    assert ask(given, "SELECT username, is_superuser FROM auth_user") == [("root", True)]
    assert [one.browser.sign_in("root", "first") for one in replicas] == [True, True, True]


def test_gunicorn_serves_in_production(replicas: tuple[Replica, ...]) -> None:
    assert who_say(replicas, "Starting gunicorn") == 3


def test_one_image_shows_each_address_its_own_values(replicas: tuple[Replica, ...]) -> None:
    pages = [one.browser.get("/").body.decode() for one in replicas]
    titles = [re.findall("<title>(.*)</title>", page)[0] for page in pages]
    assert tuple(map(html.unescape, titles)) == TITLES
    assert '"requests" <&>' not in pages[1]


def test_assets_of_the_admin_are_collected_and_served(replicas: tuple[Replica, ...]) -> None:
    stranger = Browser(replicas[0].browser.port)
    page = stranger.get("/admin/login/").body.decode()
    style = re.findall(r'href="(/static/admin/css/base\.[0-9a-f]+\.css)"', page)[0]
    assert stranger.get(style).status == 200


@pytest.mark.usefixtures("replicas")
def test_the_image_is_left_as_it_is(image: Project, tmp_path: Path) -> None:
    copy_example(tmp_path)
    assert content_of(image.path) == content_of(tmp_path)


def test_assets_can_be_filled_again_with_other_values(replicas: tuple[Replica, ...]) -> None:
    address = "https://one.example/\"+alert('1')+`${2}\\"
    replicas[2].manage("assets", "fill", environment={"VITE_APP_API_URL": address})
    script = Path(replicas[2].project.environment["RUN_FOLDER"]) / "assets" / "page.js"
    written = re.findall("const API = (.*);", script.read_text(encoding="utf-8"))[0]
    assert json.loads(written) == address


def test_a_value_that_is_missing_is_named(replicas: tuple[Replica, ...]) -> None:
    environment = {**replicas[2].project.environment}
    del environment["VITE_APP_TITLE"]
    process = replace(replicas[2].project, environment=environment).start_program(
        "python", "manage.py", "assets", "fill"
    )
    assert process.wait(timeout_seconds=PATIENCE_SECONDS) == 1
    process.wait_for_line("CommandError: index.html asks for VITE_APP_TITLE, which is not set.")


def test_a_later_start_keeps_what_people_have_changed_and_takes_a_new_password(
    replicas: tuple[Replica, ...], given: GivenServers
) -> None:
    ask(given, "UPDATE processing_currency SET euros = 2 WHERE code = 'USD' RETURNING code")
    told = replicas[1].manage("prepare", environment={"DJANGO_SUPERUSER_PASSWORD": "second"})
    assert "The administrator root is up to date." in told
    assert ask(given, "SELECT euros::text FROM processing_currency WHERE code = 'USD'") == [
        ("2.000000",)
    ]
    assert not Browser(replicas[0].browser.port).sign_in("root", "first")
    assert Browser(replicas[0].browser.port).sign_in("root", "second")
    replicas[1].manage(
        "user", "ensure", "--from-env"
    )  # the others of this module sign in with the first


def test_the_same_password_ends_no_session(replicas: tuple[Replica, ...]) -> None:
    assert replicas[0].browser.sign_in("root", "first")
    replicas[1].manage("user", "ensure", "--from-env")
    # Another replica than the one that may remember the session.
    elsewhere = Browser(replicas[2].browser.port, replicas[0].browser.cookies)
    assert elsewhere.get(REQUESTS).status == 200


@pytest.fixture
def waiting_request(replicas: tuple[Replica, ...]) -> str:
    """The address of one that no worker takes up, since there is none."""
    first = replicas[0]
    applied = first.project.run("apply", "--yes", timeout_seconds=PATIENCE_SECONDS)
    assert applied.returncode == 0, applied.stderr
    assert first.browser.sign_in("root", "first")
    return f"{REQUESTS}{first.browser.make_request('Ada, 1, EUR').json['id']}/"


def test_a_hundred_pollers_of_what_is_unchanged_cost_next_to_nothing(
    replicas: tuple[Replica, ...], waiting_request: str
) -> None:
    first = replicas[0]
    tag = first.browser.get(waiting_request).headers["etag"]
    nothing = cost_of(first.process.pid, first.browser, "/api/", {})
    polls = cost_of(first.process.pid, first.browser, waiting_request, {"If-None-Match": tag})
    print(f"nothing {nothing}, polls {polls}")  # noqa: T201  the figures are looked at by hand
    assert polls.answers == {304: 200}
    assert polls.body_bytes == 0
    assert polls.cpu_seconds < 2.5 * nothing.cpu_seconds
