"""JWTs of a host application: whom they let in, and what they are refused for."""

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from jobrunner.access.caller import Caller, Role
from jobrunner.errors import UsageError
from jobrunner.settings import Settings
from jobrunner.web.app import make_app
from jobrunner.web.context import Web
from jobrunner.web.host_tokens import HostTokens
from jobrunner.web.key_set import KeySet
from jobrunner.web.serve import check_access

KEY = "k" * 32
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
SHARED = HostTokens(Settings(jwt_key=KEY, jwt_audience="jobs", jwt_issuer="https://app.example"))


def claims(**changed: Any) -> dict[str, Any]:
    """Of ada, an operator, for an hour; None leaves one out."""
    given = {
        "sub": "ada",
        "role": "operator",
        "aud": "jobs",
        "iss": "https://app.example",
        "exp": datetime.now(UTC) + timedelta(hours=1),
        **changed,
    }
    return {name: value for name, value in given.items() if value is not None}


def signed(**changed: Any) -> str:
    return jwt.encode(claims(**changed), KEY, algorithm="HS256")


def test_its_claims_say_who_calls() -> None:
    assert SHARED.holder_of(signed(namespaces=["billing"])) == Caller(
        subject="ada", role=Role.OPERATOR, via="jwt", namespaces=frozenset({"billing"})
    )


def test_without_a_role_its_subject_reads_his_own_runs() -> None:
    assert SHARED.holder_of(signed(role=None)) == Caller(
        subject="ada", role=Role.VIEWER, via="jwt", own_runs_only=True
    )


def test_the_claim_of_the_role_has_the_name_that_is_set() -> None:
    host = HostTokens(Settings(jwt_key=KEY, jwt_role_claim="jobs_role"))
    found = host.holder_of(signed(aud=None, jobs_role="admin", role="viewer"))
    assert isinstance(found, Caller)
    assert found.role is Role.ADMIN


def test_no_namespace_is_nowhere() -> None:
    found = SHARED.holder_of(signed(namespaces=[]))
    assert isinstance(found, Caller)
    assert found.namespaces == frozenset()


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\0"},
        {"sub": "\ud800"},
        {"sub": "x" * 256},
        {"sub": 7},
        {"aud": None},
        {"aud": "others"},
        {"iss": None},
        {"iss": "https://evil.example"},
        {"role": "root"},
        {"role": ["admin"]},
        {"role": {"admin": 1}},
        {"namespaces": "billing"},
        {"namespaces": [1]},
        {"namespaces": ["a\0"]},
        {"namespaces": ["\udfff"]},
        {"nbf": datetime.now(UTC) + timedelta(hours=1)},
    ],
)
def test_claims_that_do_not_hold_are_refused(changed: dict[str, Any]) -> None:
    assert SHARED.holder_of(signed(**changed)) == "unknown"


def test_what_has_expired_is_refused() -> None:
    expired = signed(exp=datetime.now(UTC) - timedelta(minutes=1))
    assert SHARED.holder_of(expired) == "expired"


def _part(value: object) -> str:
    return _text(json.dumps(value, default=lambda moment: moment.timestamp()).encode())


def _text(given: bytes) -> str:
    return base64.urlsafe_b64encode(given).rstrip(b"=").decode()


def _by_hand(key: bytes, key_id: str) -> str:
    """Signed with what a careful library would not take for a shared key."""
    told = f"{_part({'alg': 'HS256', 'kid': key_id})}.{_part(claims())}"
    return f"{told}.{_text(hmac.digest(key, told.encode(), 'sha256'))}"


FORGED = {
    "another key": jwt.encode(claims(), "x" * 32, algorithm="HS256"),
    "another hash": jwt.encode(claims(), KEY * 2, algorithm="HS512"),
    "no signature": jwt.encode(claims(), "", algorithm="none"),
    "cut off": signed()[:-2],
    "no text": "",
    "three dots": "...",
    "a header of nothing": f"{_part([])}.{_part({})}.x",
    "a header too deep": base64.urlsafe_b64encode(b"[" * 6000).decode() + ".e30.x",
    "not ASCII": "\xe9.\xe9.\xe9",
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_what_was_not_signed_with_the_key_is_refused(forged: str) -> None:
    assert SHARED.holder_of(forged) == "unknown"


def test_without_a_key_no_jwt_is_good() -> None:
    assert HostTokens(Settings()).holder_of(signed()) == "unknown"
    assert HostTokens(Settings()).holder_of(_by_hand(b"", "")) == "unknown"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (Settings(jwt_key="k" * 31), "fewer than 32 bytes"),
        (Settings(jwt_key=KEY, jwt_jwks="keys.json"), "both set"),
        (Settings(jwt_jwks="keys.json"), "needs JOBRUNNER_JWT_AUDIENCE"),
        (Settings(jwt_jwks="http://app.example/keys", jwt_audience="jobs"), "https URL or a file"),
    ],
)
def test_settings_that_trust_too_much_are_refused_at_the_start(
    settings: Settings, told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        HostTokens(settings)


# --- Public keys ------------------------------------------------------------------------------------


@dataclass
class Clock:
    """A time that stands still until it is told to go on."""

    seconds: float = 100.0

    def __call__(self) -> float:
        return self.seconds


def _public(key: Any, key_id: str) -> dict[str, Any]:
    algorithm = jwt.algorithms.RSAAlgorithm if key is not EC else jwt.algorithms.ECAlgorithm
    told = algorithm.to_jwk(key.public_key(), as_dict=True)
    return {**told, "kid": key_id}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The keys `rsa` and `ec`, and one that is a secret itself."""
    secret = {"kty": "oct", "kid": "oct", "k": _part(KEY)}
    made = tmp_path / "keys.json"
    keys = [_public(RSA, "rsa"), _public(EC, "ec"), secret]
    made.write_text(json.dumps({"keys": keys}), encoding="utf-8")
    return made


@pytest.fixture
def host(file: Path) -> HostTokens:
    return HostTokens(Settings(jwt_jwks=str(file), jwt_audience="jobs"))


def by_key(key: Any, algorithm: str, key_id: str) -> str:
    return jwt.encode(claims(), key, algorithm=algorithm, headers={"kid": key_id})


def test_a_public_key_lets_in_whom_its_private_one_has_signed_for(host: HostTokens) -> None:
    assert isinstance(host.holder_of(by_key(RSA, "RS256", "rsa")), Caller)
    assert isinstance(host.holder_of(by_key(EC, "ES256", "ec")), Caller)


def test_a_public_key_is_never_a_shared_one(host: HostTokens) -> None:
    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert host.holder_of(_by_hand(pem, "rsa")) == "unknown"
    assert host.holder_of(_by_hand(json.dumps(KEY).encode(), "oct")) == "unknown"


@pytest.mark.parametrize(
    "text",
    [
        by_key(OTHER_RSA, "RS256", "rsa"),
        by_key(OTHER_RSA, "RS256", "other"),
        by_key(RSA, "RS512", "rsa"),
        by_key(RSA, "RS256", "ec"),
        jwt.encode(claims(), RSA, algorithm="RS256"),
    ],
)
def test_the_key_and_its_algorithm_are_those_of_the_list(host: HostTokens, text: str) -> None:
    assert host.holder_of(text) == "unknown"


def test_a_new_key_is_found_and_asked_for_once_a_minute_at_most(file: Path) -> None:
    clock = Clock()
    keys = KeySet(str(file), clock)
    keys.find("rsa")
    file.write_text(json.dumps({"keys": [_public(OTHER_RSA, "new")]}), encoding="utf-8")
    with pytest.raises(jwt.InvalidKeyError):
        keys.find("new")
    clock.seconds += 60
    assert keys.find("new").key_id == "new"


def test_a_key_that_was_taken_back_is_gone_after_five_minutes(file: Path) -> None:
    clock = Clock()
    keys = KeySet(str(file), clock)
    keys.find("rsa")
    file.write_text(json.dumps({"keys": [_public(EC, "ec")]}), encoding="utf-8")
    clock.seconds += 300
    with pytest.raises(jwt.InvalidKeyError):
        keys.find("rsa")


def test_keys_that_cannot_be_read_again_stay(file: Path) -> None:
    clock = Clock()
    keys = KeySet(str(file), clock)
    keys.find("rsa")
    file.write_text("<html>", encoding="utf-8")
    clock.seconds += 300
    assert keys.find("rsa").key_id == "rsa"


def test_without_any_keys_the_answer_is_to_come_again(tmp_path: Path) -> None:
    with pytest.raises(HTTPException) as raised:
        KeySet(str(tmp_path / "nothing.json")).find("rsa")
    assert raised.value.status_code == 503


# --- In the app -------------------------------------------------------------------------------------


@pytest.fixture
def get(engine: Engine) -> Callable[[str], int]:
    """The status of a page's answer to whoever has that JWT."""
    app = make_app(Web(Settings(jwt_key=KEY), engine))

    def send(text: str) -> int:
        with TestClient(app, base_url="http://127.0.0.1") as client:
            headers = {"Authorization": f"Bearer {text}"}
            return client.get("/api/v1/status", headers=headers).status_code

    return send


def test_a_jwt_opens_what_its_role_may_read(get: Callable[[str], int]) -> None:
    assert get(signed(aud=None)) == 200


def test_fault_83_wrong_jwts_are_counted_as_well(get: Callable[[str], int]) -> None:
    assert [get("a.b.c") for _ in range(11)] == [401] * 10 + [429]


def test_with_a_key_others_may_be_let_in_without_any_token(engine: Engine) -> None:
    with pytest.raises(UsageError, match="Nobody could sign in"):
        check_access(Web(Settings(), engine), "10.0.0.1")
    check_access(Web(Settings(jwt_key=KEY), engine), "10.0.0.1")


def test_without_credentials_it_listens_on_this_machine_alone(engine: Engine) -> None:
    with pytest.raises(UsageError, match="would let everybody in"):
        check_access(Web(Settings(jwt_key=KEY), engine, is_open=True), "10.0.0.1")
