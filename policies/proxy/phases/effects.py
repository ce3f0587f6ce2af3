"""Effects: the I/O that the sequence asks of its caller, and the results that it gets.

1. An effect is a value. The sequence yields it and gets its result, which the docstrings name after
   an arrow. An effect without an arrow is the last one of a request.
2. A `Send` with a `carry` needs no result before the client gets its response. If the variant's
   response is good (`is_good`), the caller passes it to the client as `carry` says, and gives the
   result to the sequence later, before any decision that it could change.
3. Effects name upstreams, headers and times, and nothing of the runtime. An upstream is a service
   binding, or a URL. The path and the query of what is sent are put behind that URL.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

from policies.access.authenticate import Identity
from policies.access.rate_limits import Limit
from policies.http.changes import Changes, Pairs
from policies.http.problems import Problem
from policies.resilience.drill import InFront
from policies.resilience.failover import Keeping

T = TypeVar("T")
# Yields effects, gets their outcomes, returns a T.
Way: TypeAlias = Generator[Any, Any, T]


class LearnRollouts(NamedTuple):
    """Ask for the state of the rollouts, before the first decisions of an isolate. → the time"""


class Charge(NamedTuple):
    """Charge the request to all of `limits`, or to none of them. → `Charged`"""

    limits: Sequence[Limit]
    identity: Identity | None


class Charged(NamedTuple):
    """The result of a charge. `problem`: why the request is denied, else None; `headers`: those
    that describe the limits, for the response."""

    problem: Problem | None
    headers: dict[str, str]


class LookUp(NamedTuple):
    """Look up the cached response named `key`, and whether `mark` says that it is void. → `Found`,
    or None"""

    key: str
    mark: str


class Found(NamedTuple):
    """A cached response: its metadata (`about`), the bytes of its body, and when it was voided in
    ms since 1970 (0: never)."""

    about: str
    size: int
    voided_ms: float


class KeepBody(NamedTuple):
    """Keep the request's body for all attempts: read it `whole` within `timeout_ms` (0: any time),
    or keep up to `most` bytes while it is `arriving`. A body has at most `limit` bytes (None: any
    number). → `KeptBody`"""

    how: Keeping
    limit: int | None
    most: int
    timeout_ms: int


# `broken`: the client broke it off; `late`: not all of it came in time; `none`: there is none.
Body = Literal["kept", "broken", "late", "none"]


class KeptBody(NamedTuple):
    """The result of keeping the body, and the time."""

    now_ms: float
    body: Body


class Copy(NamedTuple):
    """One copy of the request. `tag`: the rollout's run that its outcome counts for, if any."""

    variant: str
    upstream: str
    url: str
    changes: Changes
    tag: str


class SendCopy(NamedTuple):
    """Send copies beside the request. `keeps_body`: the copies have its body, of at most `most`
    bytes. → `Mirrored`"""

    copies: Sequence[Copy]
    keeps_body: bool
    limit: int | None
    most: int
    timeout_ms: int


class Mirrored(NamedTuple):
    """The variants whose upstreams exist, and whether attempts take the body from the kept one."""

    variants: Sequence[str]
    has_body: bool


class Keep(NamedTuple):
    """Cache a copy of the response under `key` for `seconds`, with its metadata, if its body has at
    most `most` bytes."""

    key: str
    about: str
    seconds: int
    most: int


class Attribution(NamedTuple):
    """What a response counts against if it breaks off after it has begun: the variant, the start of
    its attempt, and the run and side of a rollout (`-` for none)."""

    variant: str
    began_ms: float
    part: str


class Carry(NamedTuple):
    """Pass the variant's response to the client, with these changes of its headers."""

    changes: Changes
    attribution: Attribution
    keep: Keep | None = None


class Send(NamedTuple):
    """Send the request to an upstream. → `Came`

    `url`: None for the client's own. `timeout_ms`: until the response begins, 0 for none. `limit`:
    the most bytes of a body whose length is not announced. `kept_body`: take the body from the kept
    one. `drill`: the fault in front of the upstream. `codes`: statuses of responses that are not
    good. `wants_head`: the result has the headers of the response.
    """

    variant: str
    upstream: str
    url: str | None
    changes: Changes
    timeout_ms: int
    limit: int | None = None
    kept_body: bool = False
    drill: InFront = None
    codes: frozenset[int] = frozenset()
    carry: Carry | None = None
    wants_head: bool = False

    def is_good(self, status: int) -> bool:
        """Return whether a response of this status goes to the client without another decision."""
        return self.carry is not None and 0 < status < 500 and status not in self.codes


class Came(NamedTuple):
    """The result of an attempt, at `now_ms`.

    `status` is that of the response, 0 for none; then `error` names what happened, and `said` is
    its message. `retry_after`: the header, None if absent. `is_broken`: the client broke its body
    off. `is_gone`: too much of the body has passed by to send it again.
    """

    now_ms: float
    status: int
    retry_after: str | None = None
    error: str = ""
    said: str = ""
    is_broken: bool = False
    is_gone: bool = False
    headers: Pairs = []  # noqa: RUF012  # never changed


class Race(NamedTuple):
    """Send `first`, and if no response has begun after `after_ms`, `second` too. A response with a
    status in `codes` is used only if there is no other. → `Raced`"""

    first: Send
    second: Send
    after_ms: float
    codes: frozenset[int]


class Raced(NamedTuple):
    """The result of a race. `taken`: which response is used (0 or 1); `came`: the result of each
    attempt that was sent, None if it was cancelled."""

    now_ms: float
    taken: int
    came: Sequence[Came | None]


class Wait(NamedTuple):
    """Wait for so many milliseconds. → the time"""

    ms: float


class Void(NamedTuple):
    """Note under all of `marks`, for `seconds`, that responses to requests before `at_ms` are void.
    → None"""

    marks: Sequence[str]
    at_ms: float
    seconds: int


class Refresh(NamedTuple):
    """Run another sequence in the background, after the response. → None"""

    way: Way[None]


class Store(NamedTuple):
    """Cache the response that `Send` has got; ends a sequence in the background."""

    keep: Keep


class Forget(NamedTuple):
    """Remove what is cached under `key`, if anything; ends a sequence in the background."""

    key: str


class Respond(NamedTuple):
    """Answer with a response of the router itself. `kept`: its body is the cached one that was
    looked up."""

    status: int
    headers: Pairs
    body: str | None = None
    kept: bool = False


class Own(NamedTuple):
    """Answer with a page of the router itself."""
