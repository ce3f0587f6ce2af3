"""The scalar values of the language: names, durations, weights, header names, paths.

Text and numbers of YAML become the values that decisions use: a duration is an int of
milliseconds, a hostname is in lower case, a path is normalised as a request's path is. A
malformed value raises a `PydanticCustomError` whose type is the finding's code; its context
has the hint.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from string import ascii_letters, digits
from typing import Annotated, Literal

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from policies.basics.durations import PATTERN as DURATION
from policies.basics.durations import duration_ms
from policies.basics.names import NAME
from policies.basics.regex import can_match, literal_prefix
from policies.basics.regex_compiler import PatternError, compile_pattern
from policies.basics.untyped import JsonObject, TypeForm
from policies.http.url import BadPath, normalise_path
from policies.language.values import respelled
from policies.language.values.patterns import looks_like_expression, meant_path
from policies.language.values.written import flow
from policies.language.yaml.budget import MAX_POLICY_STEPS, Budget

MAX_WEIGHT = 1_000_000  # as in the Gateway API
MIN_WEIGHT = 0.000_001  # above 0; smaller ones are mistakes, and lost in rounding
MAX_DURATION_MS = 365 * 24 * 3_600_000
MAX_SIZE = 1 << 40

# All characters of a normalised path (RFC 3986, section 3.3).
PATH_CHARACTERS = f"/%-._~!$&'()*+,;=:@{ascii_letters}{digits}"

_SIZE = re.compile(r"([0-9]{1,12})(B|KiB|MiB|GiB)", re.ASCII)
_SIZE_UNIT = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
# The router's own bindings (its KV namespace and its secrets) are reserved.
_BINDING = re.compile(r"(?!POLICIES$|ROUTER_)[A-Za-z_][A-Za-z0-9_]{0,62}", re.ASCII)
_WORKER = re.compile(r"[a-z][a-z0-9_.*-]{0,62}", re.ASCII)  # a key of RFC 8941, section 3.1.2
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}", re.ASCII)  # RFC 9110, section 5.6.2
_METHOD = re.compile(r"[A-Z][A-Z-]{0,31}", re.ASCII)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOSTNAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110, section 5.5
_SEED = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,256}")
# A serialised origin (WHATWG HTML, section 7.1.1), whose host may have a wildcard.
_ORIGIN = re.compile(
    rf"(https?|[a-z][a-z0-9+.-]{{1,30}})://({_HOSTNAME.pattern}|\*)(?::([0-9]{{1,5}}))?", re.ASCII
)
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_COUNTRY = re.compile(r"[A-Z][A-Z0-9]", re.ASCII)
_COLO = re.compile(r"[A-Z]{3}", re.ASCII)


def problem(code: str, message: str, hint: str) -> PydanticCustomError:
    """Return a finding as an error that pydantic carries through validation."""
    context: dict[str, object] = {"message": message, "hint": hint}
    return PydanticCustomError(code, "{message}", context)


class Hint(str):
    """A hint with the value to write."""

    value: object


def how_to_write(value: object, otherwise: str, why: str = "") -> str:
    """Return a hint with the value to write; `otherwise` if `value` is None."""
    if value is None:
        return otherwise
    hint = Hint(f"write `{flow(value)}`{why and f' {why}'}")
    hint.value = value
    return hint


def read_text(value: object, what: str, example: str, quoted: re.Pattern[str] | None = None) -> str:
    """Return `value` if it is text. `quoted`: a pattern for numbers that are valid in quotes."""
    if isinstance(value, str):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and quoted and quoted.fullmatch(str(value)):
        hint = how_to_write(str(value), "")
        raise problem("wrong-type", f"{what} must be text, but this is a number", hint)
    kind = {bool: "true or false", int: "a number", float: "a number", type(None): "empty"}.get(
        type(value), "a list or mapping"
    )
    raise problem("wrong-type", f"{what} must be text, but this is {kind}", f"write {example}")


Respelled = Callable[[str], str | None]


def _pattern(
    regex: re.Pattern[str],
    code: str,
    what: str,
    hint: str,
    example: str,
    respelled_as: Respelled | None = None,
) -> TypeForm:
    def read(value: object) -> str:
        text = read_text(value, what, example, regex)
        if not regex.fullmatch(text):
            other = respelled_as(text) if respelled_as else None
            fits = other is not None and regex.fullmatch(other)
            raise problem(
                code, f"`{text[:80]}` is not {what}", how_to_write(other, hint) if fits else hint
            )
        return text

    schema = {"type": "string", "pattern": f"^(?:{regex.pattern})$"}
    return Annotated[str, BeforeValidator(read), WithJsonSchema(schema)]


def read_duration(value: object) -> int:
    """`500ms`, `10s`, `5m`, `1h`, `30d`, `1h30m` as milliseconds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        hint = how_to_write(f"{value}s", "", f"or `{value}ms`")
        raise problem("bad-duration", f"`{value}` has no unit", hint)
    text = read_text(value, "a duration", "`10s`")
    total = duration_ms(text)
    if total is None:
        hint = how_to_write(respelled.duration(text[:80]), "write `500ms`, `10s`, `5m` or `1h`")
        raise problem("bad-duration", f"`{text[:80]}` is not a duration", hint)
    if total > MAX_DURATION_MS:
        raise problem("bad-duration", f"`{text}` is longer than a year", "write a shorter duration")
    return total


def read_size(value: object) -> int:
    """`500B`, `64KiB`, `10MiB`, `1GiB` as bytes (or characters)."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        hint = how_to_write(f"{value}B", "", f"or `{value}KiB`")
        raise problem("bad-size", f"`{value}` has no unit", hint)
    text = read_text(value, "a size", "`64KiB`")
    match = _SIZE.fullmatch(text)
    if match is None:
        hint = "write `500B`, `64KiB`, `10MiB` or `1GiB`"
        hint = how_to_write(respelled.size(text[:80]), hint)
        raise problem("bad-size", f"`{text[:80]}` is not a size", hint)
    size = int(match[1]) * _SIZE_UNIT[match[2]]
    if size > MAX_SIZE:
        raise problem("bad-size", f"`{text}` is more than 1,024 GiB", "write a smaller size")
    return size


def read_weight(value: object) -> float:
    """A number from 0 to 1,000,000; shares are weight / sum."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        why = "(weights are relative numbers: 5, not 5%)"
        hint = how_to_write(respelled.weight(str(value)[:80]), f"write a number {why}", why)
        raise problem("bad-weight", f"`{str(value)[:80]}` is not a number", hint)
    if not 0 <= value <= MAX_WEIGHT:
        raise problem(
            "bad-weight", f"a weight of {value} is out of range", f"write 0 to {MAX_WEIGHT:,}"
        )
    if 0 < value < MIN_WEIGHT:
        hint = f"write 0, or at least {MIN_WEIGHT:f}"
        raise problem("bad-weight", f"a weight of {value} is too small", hint)
    return int(value) if value == int(value) else value


def _only(wanted: object, written: str) -> TypeForm:
    """Accept one value only; neither `true` nor 1.0 is 1."""

    def read(value: object) -> object:
        if type(value) is not type(wanted) or value != wanted:
            hint = f"write {written}"
            raise problem("unknown-value", f"only {written} is allowed here", hint)
        return value

    return BeforeValidator(read)


def read_hostname(value: object) -> str:
    text = read_text(value, "a hostname", "`api.example.com` or `*.example.com`")
    host = text.lower()
    if ":" in host or "/" in host:
        hint = "write the name alone, without scheme, port or path"
    elif not host.isascii():
        hint = "write the name in its ASCII form (`xn--…`)"
    elif host == "*":
        hint = "leave out `hostnames` to match every host"
    else:
        hint = "write `api.example.com` or `*.example.com`"
    if len(host) > 253 or not _HOSTNAME.fullmatch(host):
        name = respelled.hostname(text[:300])
        if name and _HOSTNAME.fullmatch(name):
            hint = how_to_write(name, hint, f"({hint.removeprefix('write ')})")
        raise problem("bad-hostname", f"`{text[:80]}` is not a hostname", hint)
    return host


def read_plain_hostname(value: object) -> str:
    host = read_hostname(value)
    if host.startswith("*"):
        hint = "write one host, such as `www.example.com`"
        raise problem("bad-hostname", f"`{host[:80]}` matches several hosts", hint)
    return host


def read_origin(value: object) -> str:
    """Return an origin as browsers send it: lower case, without the scheme's default port."""
    text = read_text(value, "an origin", "`https://app.example.com`")
    if text == "*":
        return text
    match = _ORIGIN.fullmatch(text.lower())
    if match is None or int(match[3] or 1) not in range(1, 65_536):
        hint = "write `https://app.example.com`, `https://*.example.com:8443` or `*`, "
        hint += "without a path or a slash at the end"
        other = respelled.origin(text[:300])
        hint = how_to_write(other, hint) if other and _ORIGIN.fullmatch(other) else hint
        raise problem("bad-origin", f"`{text[:80]}` is not an origin", hint)
    scheme, host, port = match.groups()
    shown_port = f":{int(port)}" if port and port != _DEFAULT_PORTS.get(scheme) else ""
    return f"{scheme}://{host}{shown_port}"


def read_new_prefix(value: object) -> str:
    """Return the replacement of a prefix, without a slash at its end; it may be empty."""
    return "" if value == "" else read_path(value).removesuffix("/")


def read_path(value: object) -> str:
    """Return a path, normalised like the paths of requests."""
    text = read_text(value, "a path", "`/v1`")
    if not text.startswith("/"):
        message = f"`{text[:80]}` does not begin with `/`"
        raise problem("bad-path", message, _how_to_begin(text[:300]))
    if "?" in text or "#" in text:
        hint = _how_to_ask(text[:300])
        raise problem("bad-path", f"`{text[:80]}` contains a query or fragment", hint)
    path = normalise_path(text)
    if isinstance(path, BadPath):
        hint = "change the path: requests with such a path are refused with 400"
        raise problem("bad-path", f"`{text[:80]}` contains {path.reason}", hint)
    if path == "/.router" or path.startswith("/.router/"):
        hint = "choose another path: those under `/.router/` are reserved"
        raise problem("reserved-path", f"`{path[:80]}` is reserved", hint)
    return path


def _how_to_begin(text: str) -> str:
    """Return the hint for a path without a slash at its start: an expression, a URL, a segment."""
    if text.startswith(("^", "~")) or looks_like_expression(text):
        exact, text = text.endswith("$"), text.strip("^~$ ")
        meant = meant_path("exact" if exact else "prefix", text) if text.startswith("/") else None
        other = {meant.kind: meant.text} if meant else {"exact" if exact else "prefix": text}
        return f"write `path: {flow(other)}`" if text.startswith("/") else "write a `regex`"
    scheme, mark, rest = text.partition("://")
    if mark and scheme.isalpha():
        host, _, path = rest.partition("/")
        name = respelled.hostname(host)
        return f"write `/{path}`, and `hostnames: {flow([name])}` for the route"
    return f"write `{flow(f'/{text[:80]}')}`"


def _how_to_ask(text: str) -> str:
    """Return the hint for a path with a query: an expression, or a condition for the query."""
    if looks_like_expression(text):
        return f"write `path: {flow({'regex': text.strip('^$')})}`"
    path, _, query = text.partition("#")[0].partition("?")
    name, _, value = query.partition("&")[0].partition("=")
    hint = "match the query with `query_params`"
    if not name:
        return f"{hint}; write `{flow(path)}` here"
    condition = {"name": name, "value": value} if value else {"name": name, "regex": ".*"}
    return f"{hint}: `query_params: {flow([condition])}`"


def read_regex(value: object, info: ValidationInfo) -> str:
    text = read_text(value, "a regular expression", "`/users/[0-9]+`")
    budget: Budget = info.context or Budget()
    if budget.steps <= 0:
        raise _too_many_steps()
    try:
        program = compile_pattern(text)
    except PatternError as error:
        message = f"{error.message} (at character {error.position + 1} of the pattern)"
        raise problem("bad-regex", message, error.hint) from None
    budget.steps -= program.size
    if budget.steps < 0:
        raise _too_many_steps()
    return text


def _too_many_steps() -> PydanticCustomError:
    message = f"all regular expressions together need more than {MAX_POLICY_STEPS:,} steps"
    return problem("bad-regex", message, "repeat less, or match with `exact`, `prefix` and `value`")


def read_path_regex(value: object, info: ValidationInfo) -> str:
    text = read_regex(value, info)
    program = compile_pattern(text)
    if not can_match(program, "/", PATH_CHARACTERS):
        hint = "the pattern must match the whole path as it is sent: start with `/` or `.*`, and "
        hint += "percent-encode non-ASCII characters, in upper case"
        raise problem("bad-regex", f"no path can match `{text[:80]}`", hint)
    prefix = literal_prefix(program)
    if prefix.startswith("/.router/") or "".join(map(str, program.steps)) == "/.router":
        hint = "choose another path: those under `/.router/` are reserved"
        raise problem("reserved-path", f"`{text[:80]}` is reserved", hint)
    return text


def read_field_value(value: object) -> str:
    text = read_text(value, "a header's value", 'it in quotes: "1"', _FIELD_VALUE)
    if not _FIELD_VALUE.fullmatch(text):
        hint = "leave out line breaks, control characters and characters outside Latin-1"
        raise problem(
            "bad-header", "the value has characters that are not allowed in headers", hint
        )
    return text.strip(" \t")


def _read_code(regex: re.Pattern[str], what: str, example: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        text = read_text(value, what, f"`{example}`")
        if not regex.fullmatch(text):
            other = text.strip().upper()
            meant = other if regex.fullmatch(other) else None
            hint = how_to_write(meant, f"write `{example}`")
            raise problem("bad-region-code", f"`{text[:80]}` is not {what}", hint)
        return text

    return read


def as_type(read: Callable[..., object], schema: JsonObject, kind: TypeForm = str) -> TypeForm:
    return Annotated[kind, BeforeValidator(read), WithJsonSchema(schema)]


_LETTERS = "use letters, digits, `-`, `_` and `.`, at most 63, a letter or digit at both ends"


def read_name(value: object) -> str:
    """Return a valid name of a variant, a pool, a region, a route or a client."""
    text = read_text(value, "a name", "`production`", NAME)
    if not NAME.fullmatch(text):
        other = respelled.name(text[:200])
        hint = how_to_write(other, _LETTERS, f"({_LETTERS})")
        raise problem("bad-name", f"`{text[:80]}` is not a name", hint)
    return text


NAME_SCHEMA: JsonObject = {"type": "string", "pattern": f"^(?:{NAME.pattern})$"}
Name = as_type(read_name, NAME_SCHEMA)
LanguageVersion = Annotated[Literal[1], _only(1, "`1`")]
Yes = Annotated[Literal[True], _only(True, "`true`")]
Seed = _pattern(
    _SEED,
    "bad-value",
    "a seed",
    "use 1 to 256 characters without control characters",
    "`rollout-1`",
)
Binding = _pattern(
    _BINDING,
    "bad-name",
    "a variant's binding",
    "use letters, digits and `_`; `POLICIES` and `ROUTER_…` are reserved",
    "`PRODUCTION_EU`",
    respelled.binding,
)
WorkerName = _pattern(
    _WORKER, "bad-name", "a Worker's name", "use lower-case letters, digits and `-`", "`agent`"
)
Token = _pattern(_TOKEN, "bad-name", "an HTTP token", "use letters, digits and `-`", "`x-user`")
CorsName = _pattern(
    _TOKEN, "bad-name", "a header's name", "use letters, digits and `-`, or `*`", "`x-user`"
)
CorsMethod = _pattern(
    re.compile(rf"\*|{_METHOD.pattern}", re.ASCII),
    "bad-method",
    "an HTTP method",
    "write it in upper case: `GET`, `POST`, or `*` for all",
    "`GET`",
    str.upper,
)
Method = _pattern(
    _METHOD,
    "bad-method",
    "an HTTP method",
    "write it in upper case: `GET`, `POST`",
    "`GET`",
    str.upper,
)
Country = as_type(
    _read_code(_COUNTRY, "a country code (ISO 3166-1 alpha-2, or T1 for Tor)", "DE"),
    {"type": "string", "pattern": f"^{_COUNTRY.pattern}$"},
)
Colo = as_type(
    _read_code(_COLO, "a Cloudflare location (three letters)", "FRA"),
    {"type": "string", "pattern": f"^{_COLO.pattern}$"},
)
DURATION_SCHEMA = {"type": "string", "pattern": f"^{DURATION}$"}
Duration = as_type(read_duration, DURATION_SCHEMA, int)
Size = as_type(read_size, {"type": "string", "pattern": f"^{_SIZE.pattern}$"}, int)
Weight = as_type(read_weight, {"type": "number", "minimum": 0, "maximum": MAX_WEIGHT}, float)
Hostname = as_type(
    read_hostname, {"type": "string", "pattern": r"^(\*\.)?[A-Za-z0-9_.-]+$", "maxLength": 253}
)
PlainHostname = as_type(
    read_plain_hostname, {"type": "string", "pattern": "^[A-Za-z0-9_.-]+$", "maxLength": 253}
)
Origin = as_type(
    read_origin, {"type": "string", "pattern": r"^(\*|[A-Za-z][A-Za-z0-9+.-]+://[^/]+)$"}
)
NewPrefix = as_type(read_new_prefix, {"type": "string", "pattern": "^(/[^?#]*)?$"})
UrlPath = as_type(read_path, {"type": "string", "pattern": "^/[^?#]*$"})
PathRegex = as_type(read_path_regex, {"type": "string"})
Regex = as_type(read_regex, {"type": "string"})
FieldValue = as_type(read_field_value, {"type": "string"})
