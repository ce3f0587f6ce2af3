"""Settings from the Worker's variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from agent.core.http.cors import Cors, read_origins
from agent.core.web.egress import Egress
from agent.queue.limits import USUAL, Limits

DAY_MS = 86_400_000
RETENTION_DAYS = 7
# Variables for the limits of each tenant.
TENANT = {"TENANT_WAITING": "waiting", "TENANT_BYTES": "bytes", "TENANT_RUNNING": "running"}
MOST = 10**12


class Misconfigured(Exception):
    """A variable that cannot be read: the message names it, repeats no secret, and is logged."""


class Settings(NamedTuple):
    """`retention_ms`: how long what has ended is kept; `callbacks`: where they may go;
    `cors`: whose pages may ask; `limits`: those of each tenant in the queue."""

    environment: str = "production"
    retention_ms: int = RETENTION_DAYS * DAY_MS
    callbacks: Egress = Egress(())
    cors: Cors = Cors()
    limits: Limits = USUAL

    @property
    def is_development(self) -> bool:
        return self.environment == "development"


def settings_of(variables: Mapping[str, str]) -> Settings:
    """Raises `Misconfigured`."""
    days = variables.get("RETENTION_DAYS") or str(RETENTION_DAYS)
    if not days.isdecimal() or not 1 <= int(days) <= 365:
        raise Misconfigured(f"RETENTION_DAYS is a number of days from 1 to 365, not `{days[:20]}`")
    callbacks = callback_hosts(variables.get("CALLBACK_HOSTS", ""))
    cors = read_origins(variables.get("CORS_ORIGINS", ""))
    environment = variables.get("ENVIRONMENT") or "production"
    return Settings(environment, int(days) * DAY_MS, callbacks, cors, _limits(variables))


def _limits(variables: Mapping[str, str]) -> Limits:
    found = {}
    for name, field in TENANT.items():
        text = variables.get(name) or str(getattr(USUAL, field))
        if not text.isdecimal() or not 1 <= int(text) <= MOST:
            raise Misconfigured(f"{name} is a whole number from 1 to {MOST}, not `{text[:20]}`")
        found[field] = int(text)
    return Limits(**found)


def callback_hosts(text: str) -> Egress:
    """Raises `Misconfigured`."""
    try:
        return Egress.of(text)
    except ValueError as why:
        raise Misconfigured(f"CALLBACK_HOSTS: {why}") from None


def error_fields(failure: Exception) -> dict[str, object]:
    """What is logged of an unexpected error: its type only, since its message may hold anything,
    and the message if it is about a variable."""
    why = {"why": str(failure)} if isinstance(failure, Misconfigured) else {}
    return {"error": type(failure).__name__, **why}
