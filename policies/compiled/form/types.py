"""The types of the values of the compiled form, as `policies.language.compile` writes them.

- A form with other types is refused when it is read (`NoForm`): else a request would fail on it
  much later.
- `TABLES` are checked as a whole. Routes, rules and keys, of which there are many, are checked one
  by one where they are built, and what many routes share is checked once.
- Only types are checked here; whoever reads the values knows their meaning.
"""

from __future__ import annotations

from typing import Any

from policies.compiled.form.kinds import (
    LISTS,
    MAPPINGS,
    NOTHING,
    ByName,
    Each,
    Either,
    Kind,
    Maybe,
    Named,
    One,
    Row,
    Table,
    Word,
)
from policies.compiled.form.text import NoForm

TEXT, FLAG, WHOLE, NUMBER = One(str), One(bool), One(int), One(int, float)
TEXTS, PAIRS = Each(TEXT), Each(Row(TEXT, TEXT))
MAYBE_TEXT, MAYBE_WHOLE, MAYBE_NUMBER = (
    One(str, NOTHING),
    One(int, NOTHING),
    One(int, float, NOTHING),
)
RATE = Row(WHOLE, WHOLE, WHOLE)
# A pattern, the steps of its automaton, the classes of characters that they name.
PROGRAM = Row(TEXT, Each(Either(TEXT, WHOLE, Each(WHOLE))), Each(Each(WHOLE)))
CONDITION = Row(TEXT, MAYBE_TEXT, Maybe(PROGRAM))
RULE = Row(
    WHOLE, Maybe(TEXTS), Each(CONDITION), Each(CONDITION), TEXT, WHOLE, MAYBE_TEXT
)  # as `host_tables` has it
LIST, MAPPING = One(*LISTS), One(*MAPPINGS)  # their entries are checked elsewhere
PATTERN = Row(TEXT, TEXT, PROGRAM, LIST)  # the last is a rule
CHANGES = Maybe(Row(TEXTS, PAIRS, PAIRS))
NEW_PATH = Maybe(Row(TEXT, TEXT))
PLAN = Row(CHANGES, CHANGES, MAYBE_TEXT, NEW_PATH, Each(Row(TEXT, NUMBER, FLAG)))
CORS = Table(
    {
        "everybody": FLAG,
        "exact": TEXTS,
        "wild": PAIRS,
        "methods": TEXTS,
        "headers": TEXTS,
        "exposed": TEXTS,
        "credentials": FLAG,
        "max_age": WHOLE,
    }
)
SPLIT = Each(Row(TEXT, NUMBER, WHOLE))
FAILOVER = Row(
    *(WHOLE, Each(WHOLE), FLAG, FLAG, FLAG, FLAG, WHOLE, WHOLE, MAYBE_NUMBER),
    Either(Word("p95"), MAYBE_NUMBER),
)
STICKY = Each(Row(TEXT, TEXT, WHOLE))
SIZES = Row(WHOLE, MAYBE_WHOLE)
ROUTE = Table(
    {"name": TEXT, "sizes": LIST},
    {
        "auth": Row(TEXTS, FLAG),
        "rate_limits": TEXTS,
        "plan": WHOLE,
        "cors": WHOLE,
        "plans": Named(MAYBE_WHOLE),
        "redirect": Row(MAYBE_TEXT, MAYBE_TEXT, MAYBE_WHOLE, NEW_PATH, WHOLE),
        "cache": Row(WHOLE, WHOLE, TEXTS, TEXTS),
        "respond": Row(WHOLE, PAIRS, TEXT),
        "override": Row(TEXT, TEXTS, TEXTS),
        "split": LIST,
        "dormant": LIST,
        "sticky": LIST,
        "failover": LIST,
        "seed": TEXT,
        "request_ms": WHOLE,
        "backend_request_ms": WHOLE,
    },
)
KEY = Row(TEXT, TEXT, TEXTS, WHOLE, MAYBE_WHOLE, FLAG, TEXT)
VARIANT = Table(
    {
        "name": TEXT,
        "binding": TEXT,
        "url": TEXT,
        "pool": TEXT,
        "region": MAYBE_TEXT,
        "weight": NUMBER,
        "drain": FLAG,
        "override": MAYBE_TEXT,
    }
)
LIMIT = Table(
    {
        "name": TEXT,
        "rate": RATE,
        "by": TEXT,
        "header": TEXT,
        "mode": TEXT,
        "on_error": TEXT,
    },
    {"keys": Named(RATE)},
)
HEALTH = Table(
    {
        "active": Maybe(Row(TEXT, WHOLE, WHOLE, WHOLE, WHOLE, Each(Row(WHOLE, WHOLE)), MAYBE_TEXT)),
        "passive": Row(WHOLE, NUMBER, WHOLE, WHOLE, WHOLE, WHOLE, WHOLE),
        "panic": NUMBER,
    }
)
CHECK = Row(TEXT, TEXT, TEXT, WHOLE)
ANALYSIS = Row(
    *(WHOLE, WHOLE, MAYBE_NUMBER, MAYBE_NUMBER, MAYBE_WHOLE, MAYBE_WHOLE, MAYBE_WHOLE),
    *(MAYBE_NUMBER, WHOLE, FLAG, Each(CHECK)),
)
STEP = ByName(
    {
        "weight": Row(TEXT, NUMBER, WHOLE, FLAG),
        "header": Row(TEXT, Row(TEXT, MAYBE_TEXT, Maybe(PROGRAM), MAYBE_TEXT), WHOLE, FLAG),
        "key": Row(TEXT, TEXTS, WHOLE, FLAG),
        "mirror": Row(TEXT, NUMBER, WHOLE, FLAG),
    }
)
ROLLOUT = Row(
    *(TEXT, TEXTS, TEXT, TEXT, Each(STEP), Maybe(ANALYSIS), FLAG, FLAG),
    Each(Row(TEXT, WHOLE)),
)
CODES = Named(TEXT)
TABLES: dict[str, Kind] = {
    "format": WHOLE,
    "digest": TEXT,
    "merge_slashes": FLAG,
    "identify": FLAG,
    "variants": Each(VARIANT),
    "pools": Named(Each(WHOLE)),
    "strict": TEXTS,
    "regions": Table(
        {
            "default": MAYBE_TEXT,
            "orders": Named(TEXTS),
            "colos": CODES,
            "countries": CODES,
            "continents": CODES,
        }
    ),
    "chains": Each(TEXTS),
    "auth": Table({"headers": TEXTS, "sha256": LIST, "hmac_sha256": LIST}),
    "limits": Row(WHOLE, WHOLE, WHOLE),
    "health": HEALTH,
    "rate_limits": Each(LIMIT),
    "drills": Each(Row(TEXT, TEXT, TEXT, TEXT, NUMBER, WHOLE, TEXT)),
    "rollouts": Each(ROLLOUT),
    "parts": Each(Either(PLAN, CORS)),
    "routes": LIST,
    "first": MAPPING,
    "hosts": MAPPING,
}


def expect(kind: Kind, value: Any, where: str) -> None:
    """Raises `NoForm` for a value of another kind."""
    if not kind.fits(value):
        raise NoForm(f"{where} has a value of another type than a policy has there")


def expect_tables(tables: dict[str, Any]) -> None:
    """The same for all `TABLES`."""
    for name, kind in TABLES.items():
        if name not in tables:
            raise NoForm(f"`{name}` is missing")
        expect(kind, tables[name], f"`{name}`")
