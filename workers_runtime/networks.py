"""Which hosts are public. All others belong to private networks, to which neither the agent nor the
router sends anything.

Private IPv4 addresses are those of IANA's special-purpose registries. For IPv6 the rule is
reversed: only allocated addresses (2000::/3) can be public. So addresses that embed an IPv4 address
(mapped, NAT64) are private, and so are 6to4 and Teredo, which embed one within 2000::/3.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Network

from workers_runtime.urls import Address

PRIVATE_IPV4 = tuple(
    map(
        IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
            *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24"),
            *("192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
            *("224.0.0.0/4", "240.0.0.0/4"),
            "168.63.129.16/32",  # a public address, but of a cloud's internal services
        ),
    )
)
PUBLIC_IPV6 = IPv6Network("2000::/3")
PRIVATE_IPV6 = tuple(
    map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")),
)
# Names that public DNS does not have, or that resolve to a machine's own network.
PRIVATE_NAMES = (
    *("localhost", "local", "internal", "intranet", "private", "corp", "home", "lan"),
    *("home.arpa", "in-addr.arpa", "ip6.arpa", "localdomain", "test", "invalid", "onion"),
)


def is_public(host: str, address: Address | None) -> bool:
    """Whether a host, as `read_host` returns it, is public."""
    return is_public_name(host) if address is None else is_public_address(address)


def is_public_address(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in PRIVATE_IPV4)
    return address in PUBLIC_IPV6 and not any(address in network for network in PRIVATE_IPV6)


def is_public_name(name: str) -> bool:
    """Whether a name may be public by its spelling; DNS decides about its addresses."""
    under = any(name == private or name.endswith(f".{private}") for private in PRIVATE_NAMES)
    return "." in name and not under
