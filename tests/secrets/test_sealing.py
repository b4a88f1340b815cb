"""Sensitive arguments are sealed under the newest key, and each key opens."""

import base64
import json
from typing import Any

import pytest

from jobrunner.errors import UsageError
from jobrunner.sealing import Keyring, seal_job, seal_kwargs
from jobrunner.spec.models import JobSpec

OLD, NEW = (base64.urlsafe_b64encode(bytes([n]) * 32).decode() for n in (1, 2))
CANARY = "hunter2-canary"


def job(**fields: Any) -> JobSpec:
    given = {"kwargs": {"password": CANARY, "user": "ada"}, "sensitive": ["password"], **fields}
    return JobSpec.model_validate({"namespace": "a", "name": "b", "task": "x.y", **given})


def test_what_is_sealed_is_not_readable_and_opens_again() -> None:
    sealed = seal_job(job(), None, Keyring([NEW]))
    assert CANARY not in sealed.model_dump_json()
    assert Keyring([NEW]).opened("a/b", sealed.kwargs) == {"password": CANARY, "user": "ada"}


@pytest.mark.parametrize("value", [7, None, True, [CANARY, {"deep": CANARY}]])
def test_any_json_value_is_sealed(value: object) -> None:
    sealed = seal_job(job(kwargs={"password": value}), None, Keyring([NEW]))
    assert CANARY not in sealed.model_dump_json()
    assert Keyring([NEW]).opened("a/b", sealed.kwargs) == {"password": value}


def test_arguments_of_schedules_are_sealed() -> None:
    schedules = [{"name": "s", "every": "1h", "kwargs": {"password": CANARY}}]
    sealed = seal_job(job(schedules=schedules), None, Keyring([NEW]))
    assert CANARY not in sealed.model_dump_json()


def test_what_has_not_changed_stays_sealed_as_it_was() -> None:
    sealed = seal_job(job(), None, Keyring([NEW]))
    assert seal_job(job(), sealed, Keyring([NEW])) == sealed


def test_a_new_value_is_sealed_anew() -> None:
    sealed = seal_job(job(), None, Keyring([NEW]))
    changed = seal_job(job(kwargs={"password": "other"}), sealed, Keyring([NEW]))
    assert Keyring([NEW]).opened("a/b", changed.kwargs) == {"password": "other"}


def test_an_old_key_opens_and_a_newer_one_seals_anew() -> None:
    sealed = seal_job(job(), None, Keyring([OLD]))
    rotated = Keyring([NEW, OLD])
    assert rotated.opened("a/b", sealed.kwargs)["password"] == CANARY
    renewed = seal_job(job(), sealed, rotated)
    assert Keyring([NEW]).opened("a/b", renewed.kwargs)["password"] == CANARY


def test_the_same_value_in_two_jobs_cannot_be_told() -> None:
    first = seal_job(job(), None, Keyring([NEW]))
    second = seal_job(job(name="other"), None, Keyring([NEW]))
    digests = {one.kwargs["password"]["sealed"]["digest"] for one in (first, second)}
    assert len(digests) == 2


def test_a_reference_is_not_sealed() -> None:
    given = job(kwargs={"password": {"secret": "env:PASSWORD"}})
    assert seal_job(given, None, Keyring()) == given


def test_without_a_key_the_setting_is_named() -> None:
    with pytest.raises(UsageError, match="JOBRUNNER_ENCRYPTION_KEYS is not set") as caught:
        seal_job(job(), None, Keyring())
    assert "urandom(32)" in caught.value.hint
    assert CANARY not in str(caught.value)


def test_a_wrong_key_is_told_without_the_value() -> None:
    sealed = seal_job(job(), None, Keyring([OLD]))
    with pytest.raises(UsageError, match="none of the 1 in JOBRUNNER_ENCRYPTION_KEYS"):
        Keyring([NEW]).opened("a/b", sealed.kwargs)


@pytest.mark.parametrize("key", ["short", "ä" * 44, f"{NEW}{NEW}", NEW[:-2]])
def test_what_is_no_key_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(UsageError, match="Key number 2 in JOBRUNNER_ENCRYPTION_KEYS") as caught:
        Keyring([NEW, key])
    assert key not in f"{caught.value} {caught.value.hint}"


def test_the_arguments_of_a_trigger_are_sealed_once() -> None:
    keyring = Keyring([NEW])
    sealed = seal_kwargs("a/b", ["password"], {"password": CANARY, "n": 1}, keyring)
    assert CANARY not in json.dumps(sealed)
    assert seal_kwargs("a/b", ["password"], sealed, keyring) == sealed


def test_the_arguments_of_a_trigger_refer_to_no_secret() -> None:
    with pytest.raises(UsageError, match="only its definition may"):
        seal_kwargs("a/b", [], {"deep": [{"secret": "env:KEY"}]}, Keyring())


def test_an_argument_that_is_no_json_is_told_without_its_value() -> None:
    with pytest.raises(UsageError, match="The argument password cannot be stored"):
        seal_kwargs("a/b", ["password"], {"password": object()}, Keyring([NEW]))
