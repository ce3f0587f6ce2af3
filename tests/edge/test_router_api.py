"""Every operation of `/.router/*` on the real runtime: answers are as the document says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

import httpx
import pytest

from router.openapi.operations import OPERATIONS, Operation
from tests.router.openapi.validating import DOCUMENT, validate
from tests.support.edge.moody import Router, running, workers
from tests.support.edge.router import ADMIN_KEY

SECRET = {"x-api-key": ADMIN_KEY}
WEAK = "a-key-without-the-scope"
POLICY = f"""\
version: 1
auth:
  keys: [{{id: weak, sha256: {sha256(WEAK.encode()).hexdigest()}, scopes: [work]}}]
variants:
  eu: {{binding: EU, pool: production, region: eu}}
  us: {{binding: US, pool: production, region: us}}
  next: {{binding: NEXT, pool: canary}}
  hand: {{binding: HAND, pool: hand}}
regions:
  eu: {{continents: [EU], fallback: [us]}}
  us: {{continents: [NA], fallback: [eu]}}
default_region: us
health: {{active: {{path: /health}}}}
drills: [{{name: yearly, region: eu, mode: "errors:30%", for: 1m, schedule: "0 0 1 1 *"}}]
rollouts:
  - name: to-next
    routes: [work]
    from: production
    to: canary
    steps:
      - {{header: {{name: x-preview, value: "1"}}, pause: true}}
      - {{mirror: 10%, hold: 1h}}
      - {{weight: 50, hold: 1h}}
    analysis: {{interval: 5m}}
    schedule: [{{start: "0 9 * * 1-5", for: 7h}}]
routes:
  - name: work
    matches: [{{path: {{exact: /work}}}}]
    split: {{production: 100, canary: 0}}
    sticky: [header:x-user]
    auth: {{scopes: ["work"]}}
  - {{name: moved, matches: [{{path: {{exact: /moved}}}}], filters: {{redirect: {{scheme: http}}}}}}
  - {{name: hand, split: {{hand: 1}}}}
"""
EU = {"region": "eu", "mode": "down", "for": "10m"}
ALL = {"pool": "production", "mode": "latency:1s", "for": "10m"}
START = "/rollouts/to-next/start"

# In their order: a method, a path, the status of the answer, and what is sent.
STORY: list[tuple[str, str, int, dict[str, Any]]] = [
    ("GET", "/health", 200, {}),
    ("GET", "/status", 200, {}),
    ("GET", "/policy", 200, {}),
    ("GET", "/explain?url=https://a.test/other&continent=EU&header=x-user:ann", 200, {}),
    ("GET", "/explain?url=https://a.test/work", 200, {}),
    ("GET", "/explain?url=https://a.test/moved&down=eu", 200, {}),
    ("GET", "/explain?url=https://a.test/.router/status", 200, {}),
    ("GET", "/explain", 400, {}),
    ("GET", "/explain?nothing=1", 400, {}),
    ("GET", "/metrics", 200, {}),
    ("GET", "/health/variants", 200, {}),
    ("GET", "/health/variants?local=1", 200, {}),
    ("GET", "/health/variants?local=2", 400, {}),
    ("GET", "/rollouts", 200, {}),
    ("GET", "/rollouts/to-next/history", 200, {}),
    ("POST", "/drills", 201, {"json": EU}),
    ("GET", "/drills", 200, {}),
    ("GET", "/health/variants", 200, {}),
    ("POST", "/drills", 409, {"json": ALL}),
    ("POST", "/drills", 201, {"json": ALL | {"force": True}}),
    ("POST", "/drills", 400, {"json": EU | {"for": "long"}}),
    ("POST", "/drills", 400, {"content": b"["}),
    ("POST", "/drills", 413, {"content": b" " * 20_000}),
    ("DELETE", "/drills/{drill}", 200, {}),
    ("DELETE", "/drills/d-none", 404, {}),
    ("DELETE", "/drills", 200, {}),
    ("GET", "/drills", 200, {}),
    ("POST", "/rollouts/to-next/pause", 409, {}),
    ("POST", START, 200, {"json": {"note": "begins"}}),
    ("POST", START, 409, {}),
    ("POST", START, 400, {"json": {"note": 1}}),
    ("POST", START, 413, {"content": b" " * 20_000}),
    ("POST", "/rollouts/none/start", 404, {}),
    ("GET", "/rollouts/to-next", 200, {}),
    ("GET", "/rollouts", 200, {}),
    ("GET", "/rollouts/none", 404, {}),
    ("POST", "/rollouts/to-next/pause", 200, {"json": {"note": None}}),
    ("POST", "/rollouts/to-next/resume", 200, {}),
    ("POST", "/rollouts/to-next/promote", 200, {}),
    ("POST", "/rollouts/to-next/approve", 409, {}),
    ("POST", "/rollouts/to-next/rollback", 200, {}),
    ("GET", "/rollouts/to-next", 200, {}),
    ("GET", "/rollouts/to-next/history?limit=3", 200, {}),
    ("GET", "/rollouts/none/history", 404, {}),
    ("GET", "/rollouts/to-next/history?limit=0", 400, {}),
    ("GET", "/audit", 200, {}),
    ("GET", "/audit?limit=1001", 400, {}),
]


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    folder = tmp_path_factory.mktemp("api")
    with running(folder, workers(folder, POLICY)) as started:
        yield started


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    """A router that has no Coordinator."""
    folder = tmp_path_factory.mktemp("alone")
    first, *others = workers(folder, POLICY)
    bindings = {name: to for name, to in first.bindings.items() if name != "ROUTER_COORDINATOR"}
    with running(folder, [replace(first, bindings=bindings), *others]) as started:
        yield started


def operation_of(method: str, path: str) -> Operation | None:
    """The one that is asked; a path without braces goes first."""
    for each in sorted(OPERATIONS, key=lambda each: each.path.count("{")):
        pattern = re.sub(r"{\w+}", "[^/]+", each.path)
        if each.method == method and re.fullmatch(pattern, path.partition("?")[0]):
            return each
    return None


def check(asked: Operation, answer: httpx.Response) -> None:
    """The status is one of the document's, and the body what it says."""
    responses = DOCUMENT["paths"][f"/.router{asked.path}"][asked.method.lower()]["responses"]
    assert str(answer.status_code) in responses, answer.text
    content = responses[str(answer.status_code)]["content"]
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in content
    if kind != "text/plain":
        validate(content[kind]["schema"]["$ref"].rpartition("/")[2], answer.json())


def test_every_operation_answers_as_it_says(router: Router) -> None:
    drill, done = "", set()
    for method, path, status, sent in STORY:
        headers = {} if path == "/health" else SECRET
        url = f"/.router{path.replace('{drill}', drill)}"
        answer = router.client.request(method, url, headers=headers, **sent)
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
        asked = operation_of(method, path)
        assert asked
        check(asked, answer)
        done.add((asked.id, answer.status_code))
        if asked.id == "startDrill" and status == 201:
            drill = answer.json()["id"]
    assert {name for name, _ in done} == {each.id for each in OPERATIONS}
    refused = {(each.id, status) for each in OPERATIONS for status, _ in each.refuses}
    assert {each for each in refused if each[1] != 503} <= done


def request_of(asked: Operation) -> tuple[str, str]:
    return asked.method, f"/.router{asked.path}".format(id="d-1", name="to-next", action="start")


@pytest.mark.parametrize("asked", OPERATIONS, ids=lambda each: each.id)
def test_who_may_not_ask_is_told_so(router: Router, asked: Operation) -> None:
    for headers, status in (({}, 401), ({"x-api-key": WEAK}, 403)):
        answer = router.client.request(*request_of(asked), headers=headers)
        assert answer.status_code == (200 if asked.is_open else status)
        check(asked, answer)


@pytest.mark.parametrize("path", dict.fromkeys(each.path for each in OPERATIONS))
def test_other_methods_are_refused(router: Router, path: str) -> None:
    own = [each for each in OPERATIONS if each.path == path]
    _, url = request_of(own[0])
    answer = router.client.put(url, headers=SECRET)
    assert answer.status_code == 405
    check(own[0], answer)
    allowed = answer.headers["allow"].split(", ")
    assert {each.method for each in own} <= set(allowed)
    assert ("GET" in allowed) == ("HEAD" in allowed)


@pytest.mark.parametrize(
    "asked",
    [each for each in OPERATIONS if 503 in dict(each.refuses)],
    ids=lambda each: each.id,
)
def test_without_the_coordinator_it_says_when_to_ask_again(alone: Router, asked: Operation) -> None:
    sent = json.dumps(EU) if asked.id == "startDrill" else None
    answer = alone.client.request(*request_of(asked), headers=SECRET, content=sent)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    check(asked, answer)
