"""Analytics of the table `requests`: numbers and durations.

Percentiles are exact (nearest rank): of n times in their order the p-th is the first of which at
least p percent are no longer. At most `MAX_READ` requests of the tenant are read, the newest,
before any filter, which bounds the cost of a query; at most `MAX_GROUPS` groups are returned. The
result says whether there were more.

A tenant's rows are found by an index. Those of all tenants are found by the key of the table,
which has the time of writing: a row that was written more than `LATE_MS` after its request may
be missing there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agent.queue.database import Database, Statement, Value

DIMENSIONS = {
    "capability": "capability",
    "tenant": "tenant",
    "region": "region",
    "endpoint": "endpoint",
    "hour": "at_ms / 3600000 * 3600000",
}
FILTERS = ("capability", "region", "endpoint")
PERCENTS = (50, 95, 99)
MAX_READ = 100_000
MAX_GROUPS = 1_000
LATE_MS = 600_000


class Question(NamedTuple):
    """`tenant`: whose requests, None for all; `by`: dimensions; `filters`: values of some of
    `FILTERS`."""

    from_ms: int
    to_ms: int
    tenant: str | None
    by: tuple[str, ...] = ()
    filters: Mapping[str, str] = {}


class Group(NamedTuple):
    """`errors`: answers of status 400 and above, `server_errors`: of 500 and above; `took_ms`:
    by percent, in milliseconds."""

    by: Mapping[str, str | int]
    requests: int
    errors: int
    server_errors: int
    took_ms: Mapping[int, float]


class Analytics(NamedTuple):
    """`requests`, `errors`: of all groups, also of those that are not returned. `is_cut`: there
    were more groups; `is_partial`: there may be more requests than were read."""

    groups: list[Group]
    requests: int
    errors: int
    is_cut: bool
    is_partial: bool


async def analyse(db: Database, question: Question) -> Analytics:
    sql, params = statement(question)
    *groups, total = (await db.run(sql, *params)).rows
    return Analytics(
        [_group(row, question.by) for row in groups[:MAX_GROUPS]],
        _whole(total["requests"]),
        _whole(total["errors"]),
        is_cut=len(groups) > MAX_GROUPS,
        is_partial=_whole(total["looked_at"]) >= MAX_READ,
    )


def statement(question: Question) -> Statement:
    """The query: a row for each group, and a last one for all of them. Only our own names stand in
    the text; values of clients are bound."""
    where, params = _where(question)
    chosen = " AND ".join(
        f"{name} = ?{len(params) + at}" for at, name in enumerate(question.filters, 1)
    )
    read = {name: f"{DIMENSIONS[name]} AS {name}" for name in (*question.by, *question.filters)}
    sql = f"""
WITH looked_at AS (
  SELECT {", ".join([*read.values(), "status", "took_ms"])} FROM requests WHERE {where}
  ORDER BY {_order(question)} LIMIT {MAX_READ}
), chosen AS (SELECT * FROM looked_at WHERE {chosen or "true"}
), grouped AS ({_grouped(question.by)}
)
SELECT *, NULL AS looked_at FROM grouped
UNION ALL
SELECT {"NULL, " * len(question.by)}(SELECT count(*) FROM chosen),
  (SELECT count(*) FROM chosen WHERE status >= 400), {", ".join(["NULL"] * (1 + len(PERCENTS)))},
  (SELECT count(*) FROM looked_at)"""
    return sql, [*params, *question.filters.values()]


def _grouped(by: Sequence[str]) -> str:
    names = ", ".join(by)
    apart = f"PARTITION BY {names}" if by else ""
    percentiles = ", ".join(
        f"min(iif(place * 100 >= {percent} * size, took_ms, NULL)) AS p{percent}"
        for percent in PERCENTS
    )
    order = [*(["hour DESC"] if "hour" in by else []), "requests DESC", *by]
    return f"""
  SELECT {"".join(f"{name}, " for name in by)}count(*) AS requests,
    sum(status >= 400) AS errors, sum(status >= 500) AS server_errors, {percentiles}
  FROM (
    SELECT *, row_number() OVER ({apart} ORDER BY took_ms) AS place,
      count(*) OVER ({apart}) AS size
    FROM chosen
  )
  {f"GROUP BY {names}" if by else "HAVING count(*) > 0"}
  ORDER BY {", ".join(order)} LIMIT {MAX_GROUPS + 1}"""


def _where(question: Question) -> tuple[str, list[Value]]:
    """The condition that an index or the key answers; the others filter its rows."""
    parts, params = ["at_ms >= ?1", "at_ms < ?2"], list[Value]((question.from_ms, question.to_ms))
    if question.tenant is None:
        parts += ["written_ms >= ?1", f"written_ms < ?2 + {LATE_MS}"]
    else:
        parts.append("tenant = ?3")
        params.append(question.tenant)
    return " AND ".join(parts), params


def _order(question: Question) -> str:
    """The order of the index or of the key, so the newest rows are found without sorting."""
    return "written_ms DESC, batch DESC, number DESC" if question.tenant is None else "at_ms DESC"


def _group(row: Mapping[str, Value], by: tuple[str, ...]) -> Group:
    dimensions = {name: _dimension(row[name]) for name in by}
    requests, errors, server_errors = (
        _whole(row[name]) for name in ("requests", "errors", "server_errors")
    )
    took = {percent: _number(row[f"p{percent}"]) for percent in PERCENTS}
    return Group(dimensions, requests, errors, server_errors, took)


def _dimension(value: Value) -> str | int:
    return value if isinstance(value, int) else str(value)


def _whole(value: Value) -> int:
    return int(_number(value))


def _number(value: Value) -> float:
    assert isinstance(value, int | float)
    return float(value)
