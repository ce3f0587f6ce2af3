"""What the sequence asks of whoever runs it, and what it is told.

1. An effect is a value. The sequence yields it and gets its outcome, which stands behind the
   arrow. What has no arrow is the last thing that a request's way yields.
2. `Send` with a `carry` needs no outcome before the client has its answer: if the variant's
   answer is good (`is_good`), whoever runs the sequence gives it to the client as `carry`
   says, and tells the outcome later, before anything is decided that it could change.
3. Effects name upstreams, headers and times; nothing of the runtime's. An upstream is a service
   binding, or a URL that the path and the query of what is sent are put behind.
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
    """Ask how far rollouts are, before the first requests of an isolate are decided. → the time"""


class Charge(NamedTuple):
    """Charge the request to all of `limits`, or to none. → `Charged`"""

    limits: Sequence[Limit]
    identity: Identity | None


class Charged(NamedTuple):
    """`problem`: why the request may not pass; `headers`: what its answer says about limits."""

    problem: Problem | None
    headers: dict[str, str]


class LookUp(NamedTuple):
    """Look up the kept answer named `key`, and whether `mark` says that it is void. → `Found`,
    or None"""

    key: str
    mark: str


class Found(NamedTuple):
    """What is kept: what was noted of it, how many bytes its body has, and when it was voided
    (0: never)."""

    about: str
    size: int
    voided_ms: float


class KeepBody(NamedTuple):
    """Keep the request's body for all attempts: read it `whole`, or keep it while it is
    `arriving`, up to `most` bytes of at most `limit` (None: any number). → `Body`"""

    how: Keeping
    limit: int | None
    most: int


Body = Literal["kept", "broken", "none"]  # `broken`: by the client; `none`: there is none


class Copy(NamedTuple):
    """One copy of the request. `tag`: the rollout's run that its outcome counts for, if any."""

    variant: str
    upstream: str
    url: str
    changes: Changes
    tag: str


class SendCopy(NamedTuple):
    """Send copies beside the request. `keeps_body`: they have one, of at most `most` bytes.
    → the variants whose upstreams are there, and whether attempts take the body from what is
    kept, as `Mirrored`"""

    copies: Sequence[Copy]
    keeps_body: bool
    limit: int | None
    most: int
    timeout_ms: int


class Mirrored(NamedTuple):
    variants: Sequence[str]
    has_body: bool


class Keep(NamedTuple):
    """Keep a copy of the answer under `key` for so long, with what is noted of it, if it has
    at most `most` bytes."""

    key: str
    about: str
    seconds: int
    most: int


class Attribution(NamedTuple):
    """What a failure counts against if an answer breaks off after it has begun: the variant, when
    its attempt began, and the rollout's run and side (`-` for none)."""

    variant: str
    began_ms: float
    part: str


class Carry(NamedTuple):
    """Give the variant's answer to the client, with these changes of its headers."""

    changes: Changes
    attribution: Attribution
    keep: Keep | None = None


class Send(NamedTuple):
    """Send the request to an upstream. `url`: None for the client's own; `kept_body`: take the
    body from what is kept; `timeout_ms`: until the answer begins, 0 for no limit; `limit`:
    bytes of a body whose length is not announced; `drill`: what stands in front of the
    upstream; `codes`: statuses of answers that are not good; `wants_head`: the outcome has the
    answer's headers. → `Came`"""

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
        """Whether the client gets an answer of this status without another look."""
        return self.carry is not None and 0 < status < 500 and status not in self.codes


class Came(NamedTuple):
    """What came of an attempt, at `now_ms`. `status`: that of the answer, 0 for none; then
    `error` has the name of what happened, `said` its message. `retry_after`: the header, None
    if there is none. `is_broken`: the client has broken its body
    off; `is_gone`: too much of the kept body has gone by to send it again."""

    now_ms: float
    status: int
    retry_after: str | None = None
    error: str = ""
    said: str = ""
    is_broken: bool = False
    is_gone: bool = False
    headers: Pairs = []  # noqa: RUF012  # never changed


class Race(NamedTuple):
    """Send `first`, and if no answer has begun after so long, `second`, too. An answer of a
    status in `codes` is taken only if there is no other. → `Raced`"""

    first: Send
    second: Send
    after_ms: float
    codes: frozenset[int]


class Raced(NamedTuple):
    """`taken`: whose answer (0 or 1); `came`: of each attempt that was made, None if it was
    given up."""

    now_ms: float
    taken: int
    came: Sequence[Came | None]


class Wait(NamedTuple):
    """Wait so long. → the time"""

    ms: float


class Void(NamedTuple):
    """Note under all of `marks`, for so long, that what was asked for before is void. → None"""

    marks: Sequence[str]
    at_ms: float
    seconds: int


class Refresh(NamedTuple):
    """Go another way in the background, after the answer. → None"""

    way: Way[None]


class Store(NamedTuple):
    """Keep the answer that `Send` has got; the end of a way in the background."""

    keep: Keep


class Forget(NamedTuple):
    """Remove what is kept under `key`, if any; the end of a way in the background."""

    key: str


class Respond(NamedTuple):
    """The router's own answer. `kept`: its body is the one that was looked up."""

    status: int
    headers: Pairs
    body: str | None = None
    kept: bool = False


class Own(NamedTuple):
    """The router's own page is asked for."""
