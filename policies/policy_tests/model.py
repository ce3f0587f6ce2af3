"""The language of cases beside a policy, version 1, as pydantic models.

A case is a request and what is expected to become of it. Names and values are those of
`router explain`; unknown fields are errors, as in `routes.yaml`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from policies.language.failover_values import Percentage
from policies.language.model import Continent
from policies.language.part import Part, at_least_one
from policies.language.values import (
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
DEFAULT_WITHIN = 0.01  # one point: four standard deviations of what 40,000 clients show
Headers = dict[Token, FieldValue | None]


def _read_url(value: object) -> str:
    text = read_text(value, "a URL", "`https://api.example.com/v1`")
    scheme, mark, rest = text.partition("://")
    if scheme not in ("http", "https") or not mark or not rest.partition("/")[0]:
        hint = "write it whole: `https://api.example.com/v1`"
        raise problem("bad-value", f"`{text[:80]}` is not an absolute http or https URL", hint)
    return text


class Request(Part):
    """What is asked for, and by whom."""

    url: Annotated[str, BeforeValidator(_read_url)] = Field(description="The absolute URL.")
    method: Method = Field("GET", description="The method.")
    headers: dict[Token, FieldValue] = Field(
        default_factory=dict, description="Headers that the client sends."
    )
    key: Name | None = Field(
        None,
        description="The client has the API key of this id. The key itself, of which the policy "
        "has only a hash, is not needed.",
    )
    ip: str = Field("", description="The client's address.")
    country: Country | None = Field(None, description="The client's country.")
    continent: Continent | None = Field(None, description="The client's continent.")
    colo: Colo | None = Field(None, description="Cloudflare's location, such as FRA.")
    down: list[Name] = Field(
        default_factory=list, description="Variants that are out of service meanwhile."
    )


class Forwarded(Part):
    """The request as the variant gets it."""

    method: Method | None = Field(None, description="Its method.")
    host: str | None = Field(None, description="Its host, with the port if there is one.")
    path: str | None = Field(None, description="Its path.")
    query: str | None = Field(None, description="Its query, without the `?`.")
    headers: Headers = Field(
        default_factory=dict, description="Headers with their values; `null`: it is not there."
    )

    def check(self) -> None:
        at_least_one(self)


class Answer(Part):
    """What the router answers itself."""

    status: int | None = Field(None, ge=100, le=599, description="Its status.")
    headers: Headers = Field(
        default_factory=dict, description="Headers with their values; `null`: it is not there."
    )
    body: str | None = Field(None, description="Its body, to the letter.")

    def check(self) -> None:
        at_least_one(self)


class Expect(Part):
    """What is to become of the request; at least one of these."""

    status: int | None = Field(
        None, ge=100, le=599, description="What the client gets; 200 if a variant is to answer."
    )
    route: Name | None = Field(None, description="The route that takes it.")
    pool: Name | None = Field(None, description="The pool that the split chooses.")
    variant: Name | None = Field(None, description="The variant that is tried first.")
    candidates: list[Name] | None = Field(None, description="All that are tried, in order.")
    region: Name | None = Field(None, description="The region that the client belongs to.")
    key: Name | None = Field(None, description="The id of the API key that it came with.")
    code: Name | None = Field(None, description="The code of the problem that it is answered with.")
    forwarded: Forwarded | None = Field(None, description="The request as the variant gets it.")
    answer: Answer | None = Field(None, description="What the router answers itself.")
    response_headers: Headers | None = Field(
        None,
        description="Headers that the variant's answer gains; `null`: it gains none of that name.",
    )
    mirrors: list[Name] | None = Field(None, description="The pools that get a copy.")
    shares: dict[Name, Percentage] | None = Field(
        None,
        min_length=1,
        description="Which part of such clients, each with a sticky key of its own, gets the pool.",
    )
    within: Percentage = Field(
        DEFAULT_WITHIN, description="How far a share may be off.", examples=["1%"]
    )

    def check(self) -> None:
        at_least_one(self, tuple(name for name in type(self).model_fields if name != "within"))
        if "within" in self.model_fields_set and self.shares is None:
            message = "`within` is for `shares`, and would have no effect here"
            raise problem("unused-field", message, "leave it out")


def _read_name(value: object) -> str:
    text = read_text(value, "a case's name", "`agents get the canary`")
    if not text.strip() or len(text) > MAX_NAME or not text.isprintable():
        hint = f"write 1 to {MAX_NAME} characters in one line"
        raise problem("bad-name", f"`{text[:80]}` is not a name", hint)
    return text


class Case(Part):
    """A request, and what is expected of it."""

    name: Annotated[str, BeforeValidator(_read_name)] = Field(
        description="Unique in the file; told when it fails."
    )
    request: Request = Field(description="What is asked for.")
    expect: Expect = Field(description="What is to become of it.")


class Cases(Part):
    """A file of cases."""

    version: LanguageVersion = Field(description="The version of the language: 1.")
    cases: list[Case] = Field(min_length=1, description="The cases.")
