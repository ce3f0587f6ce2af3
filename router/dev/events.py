"""What `router dev` tells of the Workers that run: the router's log, and errors of the others.

A line has a time (UTC, RFC 3339) and a level. It is readable on a terminal, and JSON elsewhere: as
the router wrote it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from policies.basics.untyped import JsonObject, Parsed

HEAD = ("time", "level", "event")
ERROR = "worker-error"


def tell_events(said: str) -> None:
    """Print the lines of the router's log that are among what wrangler said."""
    for event in events_in(said):
        print(event_text(event, readable=sys.stdout.isatty()), flush=True)


def tell_error(message: str) -> None:
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event = {"time": time, "level": "error", "event": ERROR, "message": message}
    print(event_text(event, readable=sys.stdout.isatty()), flush=True)


def events_in(said: str) -> Iterator[JsonObject]:
    for line in said.splitlines():
        if line.startswith("{"):
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if all(isinstance(event.get(name), str) for name in HEAD):
                yield event


def event_text(event: JsonObject, *, readable: bool) -> str:
    if not readable:
        return json.dumps(event)
    fields = [f"{name}={_value(value)}" for name, value in event.items() if name not in HEAD]
    time, level, name = (event[field] for field in HEAD)
    return " ".join([time, f"{level:<7}", name, *fields])


def _value(value: Parsed) -> str:
    """A text as it is, unless it would be read as something else."""
    is_plain = isinstance(value, str) and value and value.isprintable()
    return value if is_plain and not set(value) & set(' "=') else json.dumps(value)
