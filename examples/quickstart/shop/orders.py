"""Plain functions. jobrunner finds them by their dotted path; they know nothing of it."""

import logging
import random
from datetime import UTC, datetime

logger = logging.getLogger(__name__)


def count(minutes: int) -> int:
    """How many orders came in during the last `minutes` (invented, so that something is seen)."""
    orders = random.randint(2, 9) * minutes  # noqa: S311  no secret
    logger.info("%d orders in the last %d minutes", orders, minutes)
    return orders


def close_day() -> str:
    """Close the books of today."""
    return f"closed {datetime.now(UTC):%Y-%m-%d}"
