"""`jobrunner init`: what it writes is valid, in form, and does what it says."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from jobrunner.cli.main import group
from jobrunner.cli.run_directory import prepare_run_directory
from jobrunner.spec.formatting import format_file
from jobrunner.spec.yaml import SourceFile
from tests.cli.calling import call

ROOT = Path(__file__).parents[2]
APP = """\
from celery import Celery

app = Celery("acme", broker="memory://")


@app.task
def add(x, y):
    return x + y


@app.task
def tidy_up():
    print("tidy")
"""


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A new project."""
    assert call("init", folder=tmp_path).exit_code == 0
    return tmp_path


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    """A folder with a Celery app."""
    (tmp_path / "acme.py").write_text(APP, encoding="utf-8")
    return tmp_path


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text("utf-8"))


def steps(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(folder / ".github/workflows/jobrunner.yml")["jobs"]["plan"][
        "steps"
    ]
    return found


def script(folder: Path, name: str) -> str:
    (step,) = [step for step in steps(folder) if step.get("name") == name]
    return str(step["run"])


def jobrunner_calls(text: str) -> list[list[str]]:
    """The arguments of each call of `jobrunner` in a script or in the entry of a hook."""
    calls = re.findall(r"^\s*jobrunner (.*?)(?: > .*)?$", text, re.MULTILINE)
    return [shlex.split(found.replace("$ENVIRONMENT", "prod")) for found in calls]


def test_every_yaml_file_is_in_form(made: Path) -> None:
    files = [path for path in made.rglob("*") if path.suffix in {".yaml", ".yml"}]
    content = {path.name: path.read_text("utf-8") for path in files}
    formatted = {
        path.name: format_file(SourceFile(path.name, path.read_bytes())).text for path in files
    }
    assert formatted == content
    assert len(files) == 4


def test_the_project_is_valid_and_in_form_for_its_own_commands(made: Path) -> None:
    assert call("validate", "--strict", folder=made).exit_code == 0
    assert call("fmt", "--check", folder=made).exit_code == 0


def test_the_schemas_stand_where_the_files_name_them(made: Path) -> None:
    for name in ("jobrunner.yaml", "jobs.d/hello.yaml"):
        named = re.findall(r"\$schema=(\S+)", (made / name).read_text("utf-8"))
        assert json.loads((made / name).parent.joinpath(*named).read_text("utf-8"))["title"]


def test_a_module_tasks_stays_the_one_that_is_imported(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(APP, encoding="utf-8")
    assert "+ job_tasks/hello.py\n" in call("init", folder=tmp_path).stdout
    assert not (tmp_path / "tasks").exists()
    assert call("validate", "--strict", folder=tmp_path).exit_code == 0
    assert call("run", "demo/hello", "--local", folder=tmp_path).exit_code == 0


@pytest.mark.parametrize("app", ["acme:app", "acme"])
def test_a_first_job_of_a_celery_app_needs_no_arguments(acme: Path, app: str) -> None:
    called = call("init", "--from-celery", app, folder=acme)
    assert (called.exit_code, called.stderr) == (0, "\nNext: jobrunner up\n")
    assert read(acme / "jobrunner.yaml")["celery"] == {"app": "acme:app"}
    job = {"celery_task": "acme.tidy_up", "kwargs": {}, "overlap": "allow"}
    assert read(acme / "jobs.d/acme.yaml")["jobs"] == {"tidy-up": job}
    assert not (acme / "tasks").exists()


def test_a_project_beside_a_celery_app_is_valid_and_in_form(acme: Path) -> None:
    call("init", "--from-celery", "acme:app", folder=acme)
    assert call("validate", "--strict", folder=acme).exit_code == 0
    assert call("fmt", "--check", folder=acme).exit_code == 0


def test_a_celery_app_whose_tasks_need_arguments_gives_a_job_that_says_so(acme: Path) -> None:
    (acme / "acme.py").write_text(APP.partition("@app.task\ndef tidy_up")[0], encoding="utf-8")
    call("init", "--from-celery", "acme:app", folder=acme)
    text = (acme / "jobs.d/acme.yaml").read_text("utf-8")
    assert "    celery_task: acme.add\n    kwargs: {} # it needs some:" in text
    assert call("fmt", "--check", folder=acme).exit_code == 0


def test_the_schedule_of_its_beat_is_pointed_to(acme: Path) -> None:
    entry = 'app.conf.beat_schedule = {"x": {"task": "acme.tidy_up", "schedule": 30.0}}\n'
    (acme / "acme.py").write_text(APP + entry, encoding="utf-8")
    called = call("init", "--from-celery", "acme:app", folder=acme)
    assert "The schedule of its beat: jobrunner import celery acme:app\n" in called.stderr


@pytest.mark.parametrize(
    ("app", "content", "told"),
    [
        ("acme:app", "raise RuntimeError('no settings')", "no settings"),
        ("acme:app", "raise SystemExit(3)", "The Celery app acme:app cannot be loaded"),
        ("acme:app", "from celery import Celery\napp = Celery()", "has no task of its own"),
        ("nowhere:app", APP, "The Celery app nowhere:app cannot be loaded"),
    ],
)
def test_an_app_of_no_use_is_said_so_and_nothing_is_written(
    acme: Path, app: str, content: str, told: str
) -> None:
    (acme / "acme.py").write_text(content, encoding="utf-8")
    called = call("init", "--from-celery", app, folder=acme)
    assert called.exit_code == 1
    assert told in called.stderr
    assert not (acme / "jobrunner.yaml").exists()


def test_the_workflow_may_do_no_more_than_read_and_comment(made: Path) -> None:
    workflow = read(made / ".github/workflows/jobrunner.yml")
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert workflow[True] == [
        "pull_request"
    ]  # `on`, to a reader of YAML 1.1; never pull_request_target


def test_the_workflow_calls_commands_that_there_are(made: Path) -> None:
    runs = "\n".join(step["run"] for step in steps(made) if "run" in step)
    calls = jobrunner_calls(runs)
    assert [arguments[0] for arguments in calls] == ["validate", "fmt", "plan", "plan"]
    for arguments in calls:
        assert_parses(arguments)


def assert_parses(arguments: list[str]) -> None:
    found = group.get_command(click.Context(group), arguments[0])
    assert found is not None
    found.make_context(arguments[0], arguments[1:])


def test_a_secret_reaches_no_other_step_than_the_plan(made: Path) -> None:
    assert [step["name"] for step in steps(made) if "secrets." in str(step)] == ["Plan"]


def test_nothing_that_a_pull_request_can_write_is_put_into_a_script(made: Path) -> None:
    assert [step["run"] for step in steps(made) if "${{" in step.get("run", "")] == []


def test_a_fork_gets_no_comment(made: Path) -> None:
    (comment,) = [step for step in steps(made) if step.get("name") == "Comment"]
    assert comment["if"] == "github.event.pull_request.head.repo.full_name == github.repository"


FAKE = """\
#!/bin/sh
printf '%s\\n' "$*" >> "$TOLD"
case "$*" in *--paginate*) printf '%s' "$EARLIER" ;; esac
"""


def comment(folder: Path, *, earlier: str) -> list[str]:
    """What the step that comments has asked of GitHub."""
    (folder / "plan.md").write_text("the plan\n", encoding="utf-8")
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    (bin_folder / "gh").write_text(FAKE, encoding="utf-8")
    (bin_folder / "gh").chmod(0o755)
    environ = {
        "PATH": f"{bin_folder}:{os.environ['PATH']}", "TOLD": str(folder / "told"), "EARLIER": earlier,
        "ENVIRONMENT": "prod", "GITHUB_REPOSITORY": "acme/jobs", "NUMBER": "7",
    }  # fmt: skip
    command = ["bash", "--noprofile", "--norc", "-e", "-c", script(folder, "Comment")]
    subprocess.run(command, cwd=folder, env=environ, check=True, timeout=20)
    return (folder / "told").read_text("utf-8").splitlines()


def test_a_first_plan_is_a_new_comment_with_the_mark_of_its_environment(made: Path) -> None:
    asked, posted = comment(made, earlier="")
    assert asked.startswith("api --paginate repos/acme/jobs/issues/7/comments --jq ")
    assert 'startswith("<!-- jobrunner plan prod -->")' in asked
    assert (
        posted
        == "api --silent --method POST repos/acme/jobs/issues/7/comments --field body=@comment.md"
    )
    assert (made / "comment.md").read_text("utf-8") == "<!-- jobrunner plan prod -->\nthe plan\n"


@pytest.mark.parametrize("earlier", ["41\n", "41\n42\n"])
def test_a_later_plan_replaces_the_comment(made: Path, earlier: str) -> None:
    _, patched = comment(made, earlier=earlier)
    assert (
        patched
        == "api --silent --method PATCH repos/acme/jobs/issues/comments/41 --field body=@comment.md"
    )


def run_plan(folder: Path, *, database: str) -> str:
    """What the step that plans has called."""
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    fake = '#!/bin/sh\necho "$* on ${JOBRUNNER_DATABASE_URL-none}"\n'
    (bin_folder / "jobrunner").write_text(fake, encoding="utf-8")
    (bin_folder / "jobrunner").chmod(0o755)
    environ = {
        "PATH": f"{bin_folder}:{os.environ['PATH']}", "DATABASE_URL": database, "ENVIRONMENT": "prod",
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
    }  # fmt: skip
    command = ["bash", "--noprofile", "--norc", "-e", "-c", script(folder, "Plan")]
    subprocess.run(command, cwd=folder, env=environ, check=True, timeout=20)
    return (folder / "summary").read_text("utf-8")


def test_a_plan_with_the_secret_is_made_against_the_database(made: Path) -> None:
    told = run_plan(made, database="postgresql://prod")
    assert told == "plan -e prod --format markdown on postgresql://prod\n"


def test_a_plan_without_the_secret_is_made_offline(made: Path) -> None:
    assert run_plan(made, database="") == "plan -e prod --format markdown --offline on none\n"


@pytest.mark.parametrize("hooks", ["ours", "of the project"])
def test_hooks_call_commands_that_there_are_and_see_the_right_files(made: Path, hooks: str) -> None:
    own = read(ROOT / ".pre-commit-hooks.yaml")
    written = read(made / ".pre-commit-config.yaml")["repos"][0]["hooks"]
    found = {hook["id"]: hook for hook in {"ours": own, "of the project": written}[hooks]}
    assert sorted(found) == ["jobrunner-fmt", "jobrunner-validate"]
    for hook in found.values():
        assert_parses(*jobrunner_calls(hook["entry"]))
        seen = [path for path in PATHS if re.search(hook["files"], path)]
        assert seen == ["jobrunner.yaml", "jobs.d/a.yaml", "jobs.d/b/c.yml", "sub/jobs.d/d.yaml"]


PATHS = [
    "jobrunner.yaml",
    "jobs.d/a.yaml",
    "jobs.d/b/c.yml",
    "sub/jobs.d/d.yaml",
    "compose.yaml",
    "jobs.d/x.py",
]


@pytest.mark.parametrize("name", ["schema.json", "project-schema.json", ".gitignore"])
def test_up_keeps_what_init_wrote_for_editors_and_git(name: str, made: Path) -> None:
    file = made / ".jobrunner" / name
    written = file.read_text("utf-8")
    file.write_text("of an earlier version", "utf-8")
    prepare_run_directory(made / ".jobrunner")
    assert file.read_text("utf-8") == written
