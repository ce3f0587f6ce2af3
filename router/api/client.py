"""Calls the admin pages of a running router: JSON in, JSON out, or one clear error.

A call can fail in three ways, so that a command can continue after one of them: the
router does not answer (`NotReachable`), it refuses the request (`Refused`, with its problem
document), or the server is not a router (`Failed`). The key comes from the environment, or for a
router on this machine from the project's `.dev.vars`; never from the command line, and is never
printed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from policies.access.authenticate import PRESENTABLE
from policies.basics.untyped import Parsed
from router.terminal.errors import Failed, UsageError

URL = "http://localhost:8787"  # where `router dev` serves
KEY = "ROUTER_ADMIN_KEY"
SECRETS = ".dev.vars"  # of `router dev`
LOOPBACK = ("localhost", "127.0.0.1", "::1")
TIMEOUT_S = 20.0  # longer than any wait inside the router

HINTS = {
    401: "it does not know the key in {}",
    403: "the key in {} lacks the scope router:admin",
}

# A field that each page of a router always has, and another server's JSON has not.
PAGES = (
    *(("status", "policy"), ("policy", "text"), ("drills", "active"), ("rollouts", "rollouts")),
    *(("rollouts/*/history", "events"), ("rollouts/*", "rollout"), ("explain", "steps")),
)


class NotReachable(Failed):
    """Nothing answered in time."""


class Refused(Failed):
    """The router answered with a problem document."""

    def __init__(
        self, message: str, status: int, document: dict[str, object], where: str | None = None
    ) -> None:
        super().__init__(message, where=where)
        self.status = status
        self.document = document

    @property
    def code(self) -> str:
        return str(self.document.get("code", ""))


class AdminClient:
    """A client of one router. `page` is the path below `/.router/`; `source`: where the key comes
    from, for messages."""

    def __init__(self, url: str, key: str, source: str = KEY) -> None:
        import httpx  # takes longer to import than most commands to run

        self.url = url.rstrip("/")
        self._source = source
        self._errors = (httpx.HTTPError, httpx.InvalidURL)
        headers = {"authorization": f"Bearer {key}"}
        self._client = httpx.Client(headers=headers, timeout=TIMEOUT_S)

    def __enter__(self) -> AdminClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, page: str, **query: str | Sequence[str]) -> Parsed:
        document = self._ask("GET", page, query=query)
        field = next((field for name, field in PAGES if fnmatchcase(page, name)), None)
        if field and not (isinstance(document, dict) and field in document):
            what = f"{self.url} is not a router: /.router/{page} has no `{field}`"
            raise Failed(what, where=self.url)
        return document

    def post(self, page: str, document: object) -> Parsed:
        return self._ask("POST", page, document)

    def delete(self, page: str) -> Parsed:
        return self._ask("DELETE", page)

    def _ask(
        self,
        method: str,
        page: str,
        document: object = None,
        query: Mapping[str, str | Sequence[str]] | None = None,
    ) -> Parsed:
        try:
            url = f"{self.url}/.router/{page}"
            answer = self._client.request(method, url, params=query, json=document)
        except self._errors as error:
            what = f"{self.url} does not answer: {_reason(error)}"
            raise NotReachable(what, where=self.url) from None
        try:
            document = answer.json()
        except ValueError:
            document = None
        if answer.is_success and document is not None:
            return document
        if not isinstance(document, dict) or "code" not in document:
            what = f"{self.url} is not a router: /.router/{page} answers {answer.status_code}"
            raise Failed(what, where=self.url)
        hint = HINTS.get(answer.status_code, "").format(self._source)
        why = hint or document.get("detail") or document["code"]
        raise Refused(f"{self.url} refuses: {why}", answer.status_code, document, self.url)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__  # the text of a timeout is empty


def client_of(url: str, env: str = "") -> AdminClient:
    """Return a client with the key for this router. `env`: its environment on this machine."""
    if "@" in url.partition("://")[2].partition("/")[0]:  # a password, which no message repeats
        hint = f"leave it out: the key of a router is in {KEY}"
        raise UsageError("the URL of the router has a user name or password", hint=hint)
    if not _is_base(url):
        raise UsageError(f"{url[:80]} is not the URL of a router", hint=f"write `{URL}`")
    key, source = os.environ.get(KEY), KEY
    is_local = key is None and urlsplit(url).hostname in LOOPBACK
    if is_local:
        key, source = _local_key(env)
    if not key:
        hint = "set it to the admin secret or to an API key with scope router:admin"
        if is_local:
            hint += f", or go to the router's folder, whose {SECRETS} has the key"
        raise Failed(f"{KEY} is not set", where=KEY, hint=hint)
    if not PRESENTABLE.fullmatch(key):
        hint = "a key has 1 to 512 visible ASCII characters, no comma or space"
        raise Failed(f"{source} is not a key", where=source, hint=hint)
    return AdminClient(url, key, source)


def _local_key(env: str) -> tuple[str, str]:
    """The key in the nearest `.dev.vars`, from the working directory upwards, and where it is; ""
    without one. An environment's own is in `.dev.vars.staging`, if that is beside it."""
    try:
        start = Path.cwd()
        names = [f"{SECRETS}.{env}"] * bool(env) + [SECRETS]
        places = (folder / name for folder in (start, *start.parents) for name in names)
        nearest = next(filter(os.path.isfile, places), None)
        lines = nearest.read_text(encoding="utf-8").splitlines() if nearest else []
    except (OSError, ValueError):  # a folder that is no more, a file of somebody else
        return "", KEY
    given = [line.partition("=") for line in lines]
    values = [value.strip() for name, _, value in given if name.strip() == KEY]
    return values[-1].strip("'\"`") if values else "", f"{KEY} of {nearest}"


def _is_base(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises if the port is invalid
    except ValueError:
        return False
    more = parts.query or parts.fragment
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not more
