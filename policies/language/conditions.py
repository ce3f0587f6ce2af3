"""Conditions on headers and query parameters, as routes and rollouts have them."""

from __future__ import annotations

from pydantic import Field

from policies.language.part import Part, one_of
from policies.language.values import FieldValue, Regex, Token

VALUE_PATTERN = "Its whole value, as a regular expression; at most 4,096 characters of it."


class HeaderMatch(Part):
    """A header that must be there; several must all match."""

    name: Token = Field(description="The header's name; case does not matter.")
    value: FieldValue | None = Field(None, description="Its whole value, to the letter.")
    regex: Regex | None = Field(None, description=VALUE_PATTERN)

    def check(self) -> None:
        one_of(self, ("value", "regex"))


class QueryParamMatch(Part):
    """A query parameter that must be there; of repeated ones the first counts."""

    name: str = Field(min_length=1, description="Its name, decoded.")
    value: str | None = Field(None, description="Its whole value, decoded, to the letter.")
    regex: Regex | None = Field(None, description=VALUE_PATTERN)

    def check(self) -> None:
        one_of(self, ("value", "regex"))
