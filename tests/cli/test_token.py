"""`jobrunner token`: made, listed and revoked; shown once."""

import json
import re

import pytest
from sqlalchemy import Engine

from jobrunner.access.caller import Caller, Role
from jobrunner.access.tokens import parse_token
from jobrunner.db.engine import transaction
from jobrunner.db.tokens import caller_of
from tests.cli.conftest import Jobrunner


def holder(engine: Engine, text: str) -> object:
    """Who holds the token, or why it is good for nothing."""
    token = parse_token(text.strip())
    assert token is not None
    with transaction(engine) as connection:
        return caller_of(connection, token)


def test_a_token_is_what_was_asked_for(jobrunner: Jobrunner, engine: Engine) -> None:
    made = jobrunner(
        "token", "create", "billing", "--role", "operator", "--namespace", "billing",
        "--own-runs-only", "--subject", "billing-service",
    )  # fmt: skip
    assert holder(engine, made.stdout) == Caller(
        subject="billing-service",
        role=Role.OPERATOR,
        via="token",
        namespaces=frozenset({"billing"}),
        own_runs_only=True,
    )


def test_what_is_printed_is_the_token_alone(jobrunner: Jobrunner) -> None:
    made = jobrunner("token", "create", "ada", "--role", "admin")
    assert re.fullmatch(r"jr_[a-z0-9]{12}_[A-Za-z0-9_-]{43}\n", made.stdout)
    assert made.stdout.strip() not in made.stderr


def test_a_token_is_not_shown_again(jobrunner: Jobrunner) -> None:
    made = jobrunner("token", "create", "ada", "--role", "admin")
    listed = jobrunner("token", "list", "-o", "json")
    assert json.loads(listed.stdout)[0]["name"] == "ada"
    assert made.stdout.strip().rpartition("_")[2] not in listed.stdout


def test_it_expires(jobrunner: Jobrunner, engine: Engine) -> None:
    made = jobrunner("token", "create", "ada", "--role", "admin", "--expires", "1ms")
    assert holder(engine, made.stdout) == "expired"
    assert "expired" in jobrunner("token", "list").stdout


def test_revoked_it_is_good_for_nothing(jobrunner: Jobrunner, engine: Engine) -> None:
    made = jobrunner("token", "create", "ada", "--role", "admin")
    token_id = made.stdout.split("_")[1]
    assert jobrunner("token", "revoke", token_id).exit_code == 0
    assert holder(engine, made.stdout) == "revoked"
    assert jobrunner("token", "revoke", token_id).exit_code == 1


@pytest.mark.parametrize("given", ["soon", "9999999d"])
def test_an_end_that_is_none_says_what_to_write(jobrunner: Jobrunner, given: str) -> None:
    called = jobrunner("token", "create", "ada", "--role", "admin", "--expires", given)
    assert called.exit_code == 64
    assert "--expires 90d" in called.stderr


def test_without_a_token_the_list_says_how_to_make_one(jobrunner: Jobrunner) -> None:
    assert "jobrunner token create" in jobrunner("token", "list").stderr
