"""No connection of this process to anything but public machines, whatever library makes it.

The interpreter itself asks at each connect and for each datagram, with the very address it is about to
use: what a name stood for a moment ago, where a redirect leads, how a number is spelled is all the same.
"""

import sys
from functools import cache
from typing import Any

from jobrunner.alerts.addresses import is_public

ALLOW_VARIABLE = "JOBRUNNER_ALERTS_ALLOW_PRIVATE"
_CONNECTIONS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class PrivateAddress(OSError):
    """The address is not one of the public network."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host} is no address of the public network; {ALLOW_VARIABLE}=1 allows it where beat runs"
        )


@cache
def refuse_private_connections() -> None:
    """From now on to the end of the process; it cannot be taken back. Once is enough."""
    sys.addaudithook(_check)


def check_address(host: str) -> None:
    """Raises PrivateAddress."""
    if not is_public(host):
        raise PrivateAddress(host)


def _check(event: str, args: tuple[Any, ...]) -> None:
    if event in _CONNECTIONS:
        address = args[1]
        # A path is a socket of this machine; of a datagram without an address the connect was seen.
        if address is not None:
            check_address(str(address[0] if isinstance(address, tuple) else address))
