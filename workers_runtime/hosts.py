"""Host names in ASCII: the mapping of UTS #46 (not transitional), then IDNA 2008.

`idna` does it. It is imported only for names that are not ASCII, since few are, and loading its
tables takes a moment. Labels that are ASCII, as written or as mapped, are not checked here.
"""

from __future__ import annotations

MAX_HOST = 253  # characters


def host_in_ascii(name: str) -> str:
    """Return `xn--bcher-kva.example` for `bücher.example`. Raises `ValueError` if it is no host
    name."""
    if name.isascii():
        return name.lower()
    if len(name) > MAX_HOST:
        raise ValueError(f"a host name has at most {MAX_HOST} characters")
    import idna

    labels = idna.uts46_remap(name, std3_rules=False, transitional=False).split(".")
    return ".".join(
        label if label.isascii() else idna.alabel(label).decode("ascii") for label in labels
    )
