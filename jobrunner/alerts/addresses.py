"""Which machines a message may be sent to: those of the public network, unless it is allowed."""

import ipaddress

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: its last four bytes are the IPv4 address that is reached."""


def is_public(host: str) -> bool:
    """Whether it is the number of a machine on the public network. A name is none, however it is
    spelled: it is for the resolver to say what it stands for.

    Private, loopback, link-local, shared and reserved networks and those of several receivers are not,
    nor are they where an IPv6 address only stands for one of them.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return all(one.is_global and not one.is_multicast for one in (address, *_within(address)))


def _within(address: _Address) -> tuple[_Address, ...]:
    """The IPv4 addresses that an IPv6 address leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    number = int(address)
    found: list[_Address] = []
    if address.ipv4_mapped is not None:
        found.append(address.ipv4_mapped)
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if address.teredo is not None:
        found.extend(address.teredo)
    if address in _NAT64 or number < 2**32:  # below that: the old way to write an IPv4 address
        found.append(ipaddress.IPv4Address(number % 2**32))
    return tuple(found)
