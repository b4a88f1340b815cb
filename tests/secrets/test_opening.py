"""A worker opens what its own setting lists, and tells a refusal without the value."""

import os
from pathlib import Path

import pytest

from jobrunner.errors import CallableError, UsageError
from jobrunner.secrets import SECRET_BYTES_MAX, Secrets, make_secrets
from jobrunner.settings import Settings

CANARY = "hunter2-canary"
ENVIRONMENT = {"REPORTS_KEY": CANARY, "OTHER": CANARY, "REPORTS_EMPTY": ""}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`secrets` holds `key`; a secret that is none of the worker's lies beside it."""
    made = tmp_path / "secrets"
    made.mkdir()
    (made / "key").write_text(f"{CANARY}\n", encoding="utf-8")
    (tmp_path / "outside").write_text(CANARY, encoding="utf-8")
    return made


def opened(reference: str, *allow: str) -> object:
    secrets = Secrets(allow, environ=ENVIRONMENT)
    return secrets.opened("a/b", ([], {"key": {"secret": reference}}))[1]["key"]


def refusal(reference: str, *allow: str) -> CallableError:
    with pytest.raises(CallableError) as caught:
        opened(reference, *allow)
    assert CANARY not in f"{caught.value.message} {caught.value.hint}"
    assert reference in caught.value.message
    assert "JOBRUNNER_SECRETS_ALLOW" in f"{caught.value.message} {caught.value.hint}"
    return caught.value


def test_a_variable_that_is_allowed_is_opened() -> None:
    assert opened("env:REPORTS_KEY", "env:REPORTS_*") == CANARY


def test_a_file_that_is_allowed_is_opened_without_its_last_line_feed(folder: Path) -> None:
    assert opened(f"file:{folder}/key", f"file:{folder}/*") == CANARY


def test_references_are_opened_wherever_they_stand() -> None:
    secrets = Secrets(["env:REPORTS_KEY"], environ=ENVIRONMENT)
    reference = {"secret": "env:REPORTS_KEY"}
    args, kwargs = secrets.opened("a/b", ([1, [reference]], {"deep": {"key": reference}}))
    assert (args, kwargs) == ([1, [CANARY]], {"deep": {"key": CANARY}})


def test_a_refusal_says_what_to_set() -> None:
    first = refusal("env:REPORTS_KEY").hint
    another = refusal("env:REPORTS_KEY", "env:OTHER").hint
    assert first.startswith("Set JOBRUNNER_SECRETS_ALLOW=env:REPORTS_KEY where the job runs")
    assert another.startswith("Add env:REPORTS_KEY to JOBRUNNER_SECRETS_ALLOW where the job runs")


def test_data_that_looks_alike_is_left_alone() -> None:
    given = {"a": {"secret": "no provider"}, "b": {"secret": "env:X", "more": 1}}
    assert Secrets().opened("a/b", ([], given))[1] == given


@pytest.mark.parametrize("allow", [(), ("env:REPORTS_*",), ("file:*",), ("env:other",)])
def test_a_variable_that_is_not_listed_is_refused(allow: tuple[str, ...]) -> None:
    assert refusal("env:OTHER", *allow).kind == "refused"


def test_a_file_in_a_folder_below_is_not_listed(folder: Path) -> None:
    assert refusal(f"file:{folder}/deep/key", f"file:{folder}/*").kind == "refused"


def test_a_path_that_climbs_is_refused(folder: Path) -> None:
    climbing = f"file:{folder}/../outside"
    assert refusal(climbing, f"file:{folder}/*/outside").kind == "refused"


def test_a_link_out_of_the_folder_is_refused(folder: Path) -> None:
    (folder / "link").symlink_to(folder.parent / "outside")
    assert refusal(f"file:{folder}/link", f"file:{folder}/*").kind == "refused"


def test_a_link_within_the_folder_is_followed_as_kubernetes_makes_them(folder: Path) -> None:
    (folder / "..data").mkdir()
    (folder / "..data" / "token").write_text(CANARY, encoding="utf-8")
    (folder / "token").symlink_to("..data/token")
    assert opened(f"file:{folder}/token", f"file:{folder}/*") == CANARY


@pytest.mark.parametrize("name", ["REPORTS_GONE", "REPORTS_EMPTY"])
def test_a_variable_that_is_not_there_may_be_there_later(name: str) -> None:
    assert refusal(f"env:{name}", "env:*").kind == "secret"


def test_a_file_that_is_not_there_may_be_there_later(folder: Path) -> None:
    assert refusal(f"file:{folder}/gone", f"file:{folder}/*").kind == "secret"


def test_a_file_that_is_no_text_is_not_quoted(folder: Path) -> None:
    (folder / "key").write_bytes(CANARY.encode() + b"\xff")
    assert "UTF-8" in refusal(f"file:{folder}/key", f"file:{folder}/*").message


def test_a_file_that_is_too_large_is_not_read_whole(folder: Path) -> None:
    (folder / "key").write_bytes(b"x" * (SECRET_BYTES_MAX + 1))
    assert "64 KiB" in refusal(f"file:{folder}/key", f"file:{folder}/*").message


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert "no plain file" in refusal(f"file:{folder}/pipe", f"file:{folder}/*").message


def test_what_was_opened_is_masked_until_the_run_ends() -> None:
    secrets = Secrets(["env:*"], environ=ENVIRONMENT)
    with secrets.masking() as masker:
        secrets.opened("a/b", ([], {"a": {"secret": "env:OTHER"}, "b": "s3nsitive"}), ["b"])
        assert masker.text(f"{CANARY} s3nsitive") == "*** ***"
        assert secrets.masker is masker
    assert secrets.masker.text(CANARY) == CANARY


@pytest.mark.parametrize("pattern", ["REPORTS_*", "env:", "vault:key", "file:key", "file:/a/../b"])
def test_a_pattern_that_is_none_keeps_the_worker_from_starting(pattern: str) -> None:
    with pytest.raises(UsageError, match="JOBRUNNER_SECRETS_ALLOW"):
        make_secrets(Settings(secrets_allow=(pattern,)), {})
