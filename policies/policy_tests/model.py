"""The language of test cases for a policy, version 1, as pydantic models.

A case is a request with its expected outcome. Names and values are those of `router explain`;
unknown fields are errors, as in `routes.yaml`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from policies.language.model.part import Part, at_least_one
from policies.language.model.policy import Continent
from policies.language.values.failover import Percentage
from policies.language.values.values import (
    Colo,
    Country,
    FieldValue,
    LanguageVersion,
    Method,
    Name,
    Token,
    problem,
    read_text,
)

MAX_NAME = 200
DEFAULT_WITHIN = 0.01  # one point: four standard deviations with 40,000 clients
Headers = dict[Token, FieldValue | None]


def _read_url(value: object) -> str:
    text = read_text(value, "a URL", "`https://api.example.com/v1`")
    scheme, mark, rest = text.partition("://")
    if scheme not in ("http", "https") or not mark or not rest.partition("/")[0]:
        hint = "write the full URL: `https://api.example.com/v1`"
        raise problem("bad-value", f"`{text[:80]}` is not an absolute http or https URL", hint)
    return text


class Request(Part):
    """A request and its client."""

    url: Annotated[str, BeforeValidator(_read_url)] = Field(description="The absolute URL.")
    method: Method = Field("GET", description="The method.")
    headers: dict[Token, FieldValue] = Field(
        default_factory=dict, description="Headers that the client sends."
    )
    key: Name | None = Field(
        None,
        description="The id of the client's API key. The key itself, of which the policy has only "
        "a hash, is not needed.",
    )
    ip: str = Field("", description="The client's IP address.")
    country: Country | None = Field(None, description="The client's country.")
    continent: Continent | None = Field(None, description="The client's continent.")
    colo: Colo | None = Field(None, description="The Cloudflare location, such as FRA.")
    down: list[Name] = Field(default_factory=list, description="Variants that are out of service.")


class Forwarded(Part):
    """The request as the variant gets it."""

    method: Method | None = Field(None, description="Its method.")
    host: str | None = Field(None, description="The host, with the port if there is one.")
    path: str | None = Field(None, description="Its path.")
    query: str | None = Field(None, description="The query, without the `?`.")
    headers: Headers = Field(
        default_factory=dict, description="Headers with their values; `null`: the header is absent."
    )

    def check(self) -> None:
        at_least_one(self)


class Answer(Part):
    """A response of the router itself."""

    status: int | None = Field(None, ge=100, le=599, description="Its status.")
    headers: Headers = Field(
        default_factory=dict, description="Headers with their values; `null`: the header is absent."
    )
    body: str | None = Field(None, description="The exact body.")

    def check(self) -> None:
        at_least_one(self)


class Expect(Part):
    """The expected outcome; at least one field is required."""

    status: int | None = Field(
        None,
        ge=100,
        le=599,
        description="The status that the client gets; 200 if a variant answers.",
    )
    route: Name | None = Field(None, description="The route that matches.")
    pool: Name | None = Field(None, description="The pool that the split chooses.")
    variant: Name | None = Field(None, description="The variant of the first attempt.")
    candidates: list[Name] | None = Field(
        None, description="The variants of all attempts, in order."
    )
    region: Name | None = Field(None, description="The client's region.")
    key: Name | None = Field(None, description="The id of the client's API key.")
    code: Name | None = Field(None, description="The code of the problem document of the response.")
    forwarded: Forwarded | None = Field(None, description="The request as the variant gets it.")
    answer: Answer | None = Field(None, description="The response of the router itself.")
    response_headers: Headers | None = Field(
        None,
        description="Headers that are added to the variant's response; `null`: none of this name "
        "is added.",
    )
    mirrors: list[Name] | None = Field(
        None, description="The pools that get a copy of the request."
    )
    shares: dict[Name, Percentage] | None = Field(
        None,
        min_length=1,
        description="The share of such clients, each with its own sticky key, that goes to each "
        "pool.",
    )
    within: Percentage = Field(
        DEFAULT_WITHIN, description="The tolerance for shares.", examples=["1%"]
    )

    def check(self) -> None:
        at_least_one(self, tuple(name for name in type(self).model_fields if name != "within"))
        if "within" in self.model_fields_set and self.shares is None:
            message = "`within` has an effect only with `shares`"
            raise problem("unused-field", message, "leave it out")


def _read_name(value: object) -> str:
    text = read_text(value, "a case's name", "`agents get the canary`")
    if not text.strip() or len(text) > MAX_NAME or not text.isprintable():
        hint = f"write 1 to {MAX_NAME} characters in one line"
        raise problem("bad-name", f"`{text[:80]}` is not a name", hint)
    return text


class Case(Part):
    """A request with its expected outcome."""

    name: Annotated[str, BeforeValidator(_read_name)] = Field(
        description="Unique in the file; used in the results."
    )
    request: Request = Field(description="The request.")
    expect: Expect = Field(description="The expected outcome.")


class Cases(Part):
    """A file of cases."""

    version: LanguageVersion = Field(description="The version of the language: 1.")
    cases: list[Case] = Field(min_length=1, description="The cases.")
