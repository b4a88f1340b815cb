"""Which machines a message may be sent to: those of the public network, unless it is allowed."""

import ipaddress

_RESERVED = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # protocol assignments; some clouds answer there with secrets
            "168.63.129.16/32",  # a public number, by which each machine of Azure reaches its host
            "192.88.99.0/24",  # relays from IPv4 to IPv6
            "2001::/23",  # protocol assignments, tunnels among them
            "2002::/16",  # a tunnel to the IPv4 address in it
            "3fff::/20",  # documentation
        ),
    )
)
"""What is not reachable by everybody (IANA's special-purpose registries), or leads elsewhere; versions of
Python differ in what they know of it.
"""
_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that IANA has given out of IPv6: what is beyond is of a site, a tunnel, or nobody's yet."""
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: its last four bytes are the IPv4 address that is reached."""


def is_public(host: str) -> bool:
    """Whether it is the number of a machine on the public network. A name is none, however it is
    spelled: it is for the resolver to say what it stands for.

    Private, loopback, link-local, shared and reserved networks and those of several receivers are not.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if address in _TRANSLATED:
        address = ipaddress.IPv4Address(int(address) % 2**32)
    if isinstance(address, ipaddress.IPv6Address) and address not in _UNICAST:
        return False
    is_reserved = any(address in network for network in _RESERVED)
    return address.is_global and not address.is_multicast and not is_reserved
