"""Commands of the user's own beside `up`: some run first, some all the time."""

import json
import socket
import urllib.request
from contextlib import suppress

from tests.project import Project
from tests.waiting import wait_until

UP = ("up", "-c", "1", "--no-web")
TELLS_WHERE = (
    "import json, os, pathlib; "
    "names = ('JOBRUNNER_DATABASE_URL', 'JOBRUNNER_BROKER_URL'); "
    "pathlib.Path('told.json').write_text(json.dumps([os.environ[name] for name in names]))"
)


def test_what_runs_first_has_ended_before_anything_is_applied(demo: Project) -> None:
    up = demo.start(*UP, "--first", f'python -c "{TELLS_WHERE}"')
    up.wait_for_line("applied as revision 1")
    database_url, broker_url = json.loads((demo.path / "told.json").read_text())
    assert database_url.startswith("postgresql://")
    assert broker_url.startswith("redis")


def test_nothing_starts_when_what_runs_first_fails(demo: Project) -> None:
    ended = demo.run(*UP, "--first", "python -c 'raise SystemExit(3)'")
    assert ended.returncode == 64
    assert "ended with exit code 3; nothing was started" in ended.stderr
    assert "applied" not in ended.stdout


def test_a_command_that_is_not_there_is_named(demo: Project) -> None:
    ended = demo.run(*UP, "--first", "no-such-program --now")
    assert ended.returncode == 64
    assert "'no-such-program --now' cannot be started: No such file" in ended.stderr


def test_quotes_that_do_not_end_are_told_before_anything_starts(demo: Project) -> None:
    ended = demo.run(*UP, "--also", "python -c 'x")
    assert ended.returncode == 64
    assert "No closing quotation" in ended.stderr


def answers(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        return bool(answer.status == 200)
    return False


def test_a_server_of_the_user_runs_beside_and_is_gone_afterwards(demo: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    up = demo.start(*UP, "--also", f"python -m http.server --bind 127.0.0.1 {port}")
    up.wait_for_line("● python")
    wait_until(lambda: answers(port))
    up.interrupt()
    assert up.wait() == 130
    assert not answers(port)


def test_a_server_of_the_user_that_ends_is_started_again(demo: Project) -> None:
    up = demo.start(*UP, "--also", "python -c 'raise SystemExit(\"no port is free\")'")
    up.wait_for_line("ended with exit code 1; again in 0.5 s   no port is free")
    up.wait_for_line("started again")
