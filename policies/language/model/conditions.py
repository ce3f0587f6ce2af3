"""Conditions on headers and query parameters, for routes and rollouts."""

from __future__ import annotations

from pydantic import Field

from policies.language.model.part import Part, one_of
from policies.language.values.values import FieldValue, Regex, Token

VALUE_PATTERN = "A regular expression for the whole value; at most 4,096 characters are read."


class HeaderMatch(Part):
    """A header that a request must have; all of several must match."""

    name: Token = Field(description="The header's name; case does not matter.")
    value: FieldValue | None = Field(None, description="The whole value, compared literally.")
    regex: Regex | None = Field(None, description=VALUE_PATTERN)

    def check(self) -> None:
        one_of(self, ("value", "regex"))


class QueryParamMatch(Part):
    """A query parameter that a request must have; of repeated ones, the first counts."""

    name: str = Field(min_length=1, description="The decoded name.")
    value: str | None = Field(None, description="The whole decoded value, compared literally.")
    regex: Regex | None = Field(None, description=VALUE_PATTERN)

    def check(self) -> None:
        one_of(self, ("value", "regex"))
