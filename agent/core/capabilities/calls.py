"""The capability `api-calls`: one HTTP request and its response.

`{"url": …, "method": …, "headers": {…}, "query": {…}, "json" | "body": …, "expect": …}`.
Any status is a result; with `expect`, other statuses are errors. No request is sent twice, but a
failed job is retried if that is safe: see `web.py`.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from agent.core import fields
from agent.core.capabilities.scraping import failure
from agent.core.capabilities.tools import Tools
from agent.core.refused import Refused
from agent.core.web.charsets import BASE64, charset_of, media_type
from agent.core.web.request import (
    BODILESS,
    IDEMPOTENT,
    MAX_ANSWER,
    MAX_TIMEOUT_MS,
    METHODS,
    TIMEOUT_MS,
    Request,
    read_headers,
)
from agent.core.web.web import Fetched, Web
from workers_runtime.json_text import read_writable_json, whole
from workers_runtime.urls import BadUrl, parse_url

FIELDS = (
    *("url", "method", "headers", "query", "json", "body"),
    *("timeout_ms", "max_bytes", "expect"),
)
MAX_SHOWN = 2_000  # characters of a body that was not expected
_LISTS_JOINED = ", "


def call(given: dict[str, object], tools: Tools) -> dict[str, object]:
    """Raises `Refused` or `Unavailable`."""
    fields.check_known(given, FIELDS)
    request, expected = _request(given), _expected(given.get("expect"))
    answer = tools.web.fetch(request)
    result = {
        "status": answer.status,
        "url": answer.url,
        "headers": _headers(answer),
        **_body(answer, tools.web),
        "cut": answer.held.is_cut,
        "took_ms": round(answer.took_ms, 3),
    }
    if expected is not None and answer.status not in expected:
        raise _unexpected(answer, request, result)
    return result


def _request(given: dict[str, object]) -> Request:
    method = given.get("method", "GET")
    if not isinstance(method, str) or method.upper() not in METHODS:
        raise Refused(f"`method` is one of {', '.join(METHODS)}")
    method, headers = method.upper(), read_headers(given.get("headers", {}))
    body = _request_body(given, headers)
    if body is not None and method in BODILESS:
        raise Refused(f"a {method} has no body; use `query`, or another method")
    timeout = fields.whole(given, "timeout_ms", TIMEOUT_MS, 100, MAX_TIMEOUT_MS)
    most = fields.whole(given, "max_bytes", MAX_ANSWER, 1, MAX_ANSWER)
    return Request(_url(given), method, headers, body, timeout, most)


def _url(given: dict[str, object]) -> str:
    query = given.get("query", {})
    if not isinstance(query, dict) or not all(_is_plain(value) for value in query.values()):
        raise Refused("`query` is an object of texts, numbers, booleans, or lists of these")
    url = fields.text(given, "url")
    if not query:
        return url
    try:
        target = parse_url(url).text
    except BadUrl as why:
        raise Refused(str(why)) from None
    pairs = [(name, _word(item)) for name, value in query.items() for item in _as_list(value)]
    return f"{target}{'&' if '?' in target else '?'}{urlencode(pairs, errors='replace')}"


def _request_body(given: dict[str, object], headers: dict[str, str]) -> str | None:
    """The body; its content type is added to `headers` unless it is there."""
    if "json" in given and "body" in given:
        raise Refused("there are both `json` and `body`; a request has one of them")
    if "json" in given:
        headers.setdefault("content-type", "application/json")
        return _dumped(given["json"])
    if "body" not in given:
        return None
    body = given["body"]
    if not isinstance(body, str):
        raise Refused("`body` is text; use `json` for anything else")
    headers.setdefault("content-type", "text/plain; charset=utf-8")
    return body


def _dumped(value: object) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        raise Refused("`json` has a number that JSON does not have: NaN, or beyond 1e308") from None


def _headers(answer: Fetched) -> dict[str, str | list[str]]:
    """The response headers; repeated ones are joined as in HTTP, except cookies."""
    headers = dict[str, Any]()
    for name, value in answer.headers:
        if name == "set-cookie":
            headers.setdefault(name, []).append(value)
        else:
            headers[name] = _LISTS_JOINED.join([headers[name], value]) if name in headers else value
    return headers


def _body(answer: Fetched, web: Web) -> dict[str, object]:
    content_type, held = answer.header("content-type"), answer.held
    if not answer.is_text:
        return {"base64": web.text(held, BASE64)}
    text = web.text(held, charset_of(content_type, held.start))
    if media_type(content_type).endswith(("/json", "+json")) and not held.is_cut:
        try:
            return {"json": read_writable_json(text)}
        except ValueError:
            pass  # not JSON, despite its content type: returned as text
    return {"text": text}


def _expected(value: object) -> frozenset[int] | None:
    """Parse `expect`: a status, a list of them, or a class such as `2xx`."""
    if value is None:
        return None
    found = set[int]()
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str) and item[1:] == "xx" and item[:1] in ("2", "3", "4", "5"):
            found |= set(range(int(item[0]) * 100, int(item[0]) * 100 + 100))
        elif (status := whole(item)) is not None and 200 <= status <= 599:
            found.add(status)
        else:
            raise Refused('`expect` is a status such as 200, "2xx", or a list of these')
    return frozenset(found)


def _unexpected(answer: Fetched, request: Request, result: dict[str, Any]) -> Exception:
    body = result.get("text", json.dumps(result["json"]) if "json" in result else "")
    more = {"status_code": answer.status, "url": answer.url, "body": body[:MAX_SHOWN]}
    why = failure(answer, more)
    is_final = isinstance(why, Refused) or request.method in IDEMPOTENT
    return why if is_final else Refused(str(why), **why.more)


def _is_plain(value: object) -> bool:
    return all(isinstance(item, str | int | float) for item in _as_list(value))


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
