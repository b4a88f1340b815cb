"""What children write down for their parent about how long their runs may take."""

import time
import uuid
from datetime import timedelta

from jobrunner.limits import LimitBoard

MINUTE = timedelta(minutes=1)


def test_limits_count_from_the_claim() -> None:
    board, token = LimitBoard(), uuid.uuid4()
    before = time.monotonic()
    board.write(3, token, timeout=MINUTE, soft_timeout=timedelta(seconds=50))
    limits = board.read(token)
    assert limits is not None
    assert limits.timeout == MINUTE
    assert before + 60 <= limits.hard_at <= time.monotonic() + 60
    assert limits.soft_at == limits.hard_at - 10


def test_without_a_soft_limit_there_is_no_time_for_it() -> None:
    board, token = LimitBoard(), uuid.uuid4()
    board.write(0, token, timeout=MINUTE, soft_timeout=None)
    limits = board.read(token)
    assert limits is not None
    assert limits.soft_at is None


def test_the_next_run_of_a_child_takes_its_place() -> None:
    board, first, second, other = LimitBoard(), uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    for place, token in ((0, first), (1, other), (0, second)):
        board.write(place, token, timeout=MINUTE, soft_timeout=None)
    assert board.read(first) is None
    assert board.read(second) is not None
    assert board.read(other) is not None
