"""A token is looked up once a second, and what was refused each time."""

from dataclasses import dataclass, field

import pytest

from jobrunner.access.caller import Caller, Role
from jobrunner.access.tokens import TokenText, new_secret, new_token
from jobrunner.db.tokens import Refusal
from jobrunner.web.known_tokens import KnownTokens

ANN = Caller(subject="ann", role=Role.VIEWER, via="token")


@dataclass
class World:
    """A clock, and a database that counts who asks."""

    says: Caller | Refusal = ANN
    seconds: float = 100.0
    asked: list[TokenText] = field(default_factory=list)
    known: KnownTokens = field(init=False)

    def __post_init__(self) -> None:
        self.known = KnownTokens(lambda: self.seconds)

    def holder_of(self, token: TokenText) -> Caller | Refusal:
        return self.known.holder_of(token, self._look_up)

    def _look_up(self, token: TokenText) -> Caller | Refusal:
        self.asked.append(token)
        return self.says


@pytest.fixture
def world() -> World:
    return World()


def test_who_asks_again_within_a_second_is_not_looked_up(world: World) -> None:
    token = new_token()
    assert [world.holder_of(token), world.holder_of(token)] == [ANN, ANN]
    assert len(world.asked) == 1


def test_fault_83_a_revoked_token_is_good_for_a_second_at_most(world: World) -> None:
    token = new_token()
    world.holder_of(token)
    world.says = "revoked"
    world.seconds += 1
    assert world.holder_of(token) == "revoked"


def test_fault_83_the_id_of_a_known_token_opens_nothing_with_another_secret(world: World) -> None:
    token = new_token()
    world.holder_of(token)
    world.says = "unknown"
    assert world.holder_of(TokenText(token.id, new_secret())) == "unknown"


@pytest.mark.parametrize("refusal", ["unknown", "expired", "revoked"])
def test_a_refusal_is_not_kept(refusal: Refusal, world: World) -> None:
    token = new_token()
    world.says = refusal
    world.holder_of(token)
    world.says = ANN
    assert world.holder_of(token) == ANN


def test_fault_72_known_tokens_are_forgotten_so_that_memory_stays_flat(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobrunner.web.known_tokens._TOKENS_MAX", 2)
    for token in [new_token(), new_token(), new_token()]:
        world.holder_of(token)
    assert len(world.known._known) == 1
