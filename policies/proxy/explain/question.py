"""The arguments of `explain`, as text."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from policies.compiled.policy import CompiledPolicy
from policies.http.changes import with_added


class NotExplainable(Exception):
    """The arguments are not valid. The message says why."""


def read_question(
    policy: CompiledPolicy, url: str, header_lines: Iterable[str], down: Iterable[str]
) -> dict[str, str]:
    """Return the headers of `Name: value` lines, by lower-case name, repeated ones joined. Raises
    `NotExplainable`."""
    scheme, mark, rest = url.partition("://")
    if scheme not in ("http", "https") or not mark or not rest.partition("/")[0]:
        raise NotExplainable(f"url `{url[:200]}` is not an absolute http or https URL")
    known = [variant.name for variant in policy.variants]
    for name in down:
        if name not in known:
            nearest = get_close_matches(name[:80], known, n=1)
            hint = f"did you mean `{nearest[0]}`?" if nearest else f"known: {', '.join(known)}"
            raise NotExplainable(f"down: no variant `{name[:80]}`; {hint}")
    headers: dict[str, str] = {}
    for line in header_lines:
        name, colon, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        if not colon or not name:
            raise NotExplainable(f"header `{line[:80]}` is not of the form `Name: value`")
        headers[name] = with_added(name, headers[name], value) if name in headers else value
    return headers
