"""Addresses of callers."""

import ipaddress

_ONES_OWN_BITS = 64
"""Of IPv6: a single customer has so many to choose from."""


def caller_network(host: str) -> str:
    """What one caller cannot change at will: an IPv4 address, the network of an IPv6 one.

    A name or what else stands there is returned as it is.
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _ONES_OWN_BITS), strict=False))
    return str(address)
