"""Values that several pages have, each with what the reference says about it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field


def about(description: str, **limits: Any) -> Any:
    """The description of a field, and its limits."""
    return Field(description=description, **limits)


Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Digest = Annotated[str, about("SHA-256 of a policy's bytes", pattern="^[0-9a-f]{64}$")]
By = Annotated[str, about("Who did it: the id of an API key, or `secret`")]
Length = Annotated[str, Field(json_schema_extra={"examples": ["1h30m"]})]
Mode = Annotated[
    str,
    about("`down`, `errors:30%` or `latency:2s`", json_schema_extra={"examples": ["errors:30%"]}),
]
Active = Literal["unknown", "healthy", "unhealthy"]
