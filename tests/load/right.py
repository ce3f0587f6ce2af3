"""What a right router may answer while one of its variants fails: a pure function of what came.

1. Every request has an answer, and all of it.
2. A good one is the answer of the variant that it names, to this very request, which that
   variant has got.
3. Another one is only for requests that the bad variant has got, and says what it did there; if
   it is the router's own, it has this request's id.
4. A POST comes to one variant, a GET to no variant twice.
5. No two requests have the same id.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tests.load.site import Arrival

# What a bad variant does, and the status and code that a client may get for it.
MAY_ANSWER = {"throw": (502, "variant-failed"), "hang": (504, "variant-timeout")}


class Got(NamedTuple):
    """A request and its answer. `status`: None if none came, or not all of it."""

    id: str
    method: str
    status: int | None
    headers: Mapping[str, str] = {}  # never changed
    body: str = ""


def wrong(
    answers: Sequence[Got], arrivals: Sequence[Arrival], bad: str, body: str
) -> list[tuple[str, Got]]:
    """What is wrong with which answers. `body`: that of a good one."""
    came = defaultdict[str | None, list[str]](list)
    for arrival in arrivals:
        came[arrival.id].append(arrival.variant)
    ids = Counter(each.headers.get("x-request-id") for each in answers)
    return [(why, each) for each in answers for why in _whys(each, came[each.id], ids, (bad, body))]


def _whys(
    got: Got, variants: list[str], ids: Mapping[str | None, int], known: tuple[str, str]
) -> Iterator[str]:
    bad, body = known
    if got.status is None:
        yield "no answer"
        return
    if ids[got.headers.get("x-request-id")] > 1:
        yield "another request has the same id"
    if len(variants) > (1 if got.method == "POST" else len({*variants})):
        yield f"it came to {variants}"
    yield from _of_good(got, variants, body) if got.status == 200 else _of_other(got, variants, bad)


def _of_good(got: Got, variants: list[str], body: str) -> Iterator[str]:
    headers = got.headers
    if got.body != body:
        yield "another body"
    if headers.get("x-load-id") != got.id:
        yield f"the answer to {headers.get('x-load-id')}"
    if headers.get("x-load-request-id") != headers.get("x-request-id"):
        yield "another id than the variant was told"
    if headers.get("x-load-variant") != headers.get("x-router-variant"):
        yield "another variant than it names"
    if variants[-1:] != [headers.get("x-load-variant")]:
        yield "a variant that has not got it"


def _of_other(got: Got, variants: list[str], bad: str) -> Iterator[str]:
    if bad not in variants:
        yield "failed, and the bad variant has not got it"
    try:
        told = json.loads(got.body)
    except ValueError:
        yield "no problem document"
        return
    if (got.status, told.get("code")) not in MAY_ANSWER.values():
        yield f"{got.status} {told.get('code')}"
    if told.get("request_id") != got.headers.get("x-request-id"):
        yield "the problem of another request"
