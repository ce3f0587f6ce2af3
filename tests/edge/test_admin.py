"""The router's own pages, over HTTP."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tests.support.cli import run
from tests.support.edge.router import ADMIN_KEY, POLICY, Edge


def test_health_is_public_and_says_little(edge: Edge) -> None:
    answer = edge.get("/.router/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "degraded"}  # this policy has a variant without binding
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "page", ["status", "explain", "metrics", "health/variants", "policy", "nothing", ""]
)
@pytest.mark.parametrize(
    "headers",
    [{}, {"x-api-key": "wrong"}, {"authorization": "Bearer wrong"}, {"x-api-key": ""}],
    ids=["none", "wrong", "wrong-bearer", "empty"],
)
def test_the_rest_needs_the_admin_key(edge: Edge, page: str, headers: dict[str, str]) -> None:
    answer = edge.get(f"/.router/{page}", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "unauthorized"


def test_both_headers_carry_the_key(edge: Edge) -> None:
    for headers in ({"x-api-key": ADMIN_KEY}, {"authorization": f"Bearer {ADMIN_KEY}"}):
        assert edge.get("/.router/status", headers=headers).status_code == 200


def test_the_command_asks_the_explanation(
    edge: Edge, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTER_ADMIN_KEY", ADMIN_KEY)
    asking = ("explain", "--url", "http://a.test/%2F", "--country", "FR", "--router", edge.url)
    code, out, err = run(capsys, *asking, "--json")
    assert (code, json.loads(out)["answer"]["code"]) == (0, "bad-path")
    assert f"the live policy of {edge.url}: digest " in err


def test_no_such_page(edge: Edge) -> None:
    assert edge.own("nothing").status_code == 404


def test_status(edge: Edge) -> None:
    status = edge.own("status").json()
    assert status["policy"]["source"] == "bundled"
    assert status["policy"]["routes"] == len(yaml.safe_load(POLICY.read_text())["routes"])
    assert status["policy"]["identify"] is True
    assert status["rejected"] is None
    assert status["status"] == "degraded"
    unbound = [variant["name"] for variant in status["variants"] if not variant["bound"]]
    assert unbound == ["unbound", "unbound-first"]
    assert status["reasons"] == [f"variant {name} is not bound" for name in unbound]


def test_health_of_the_variants(edge: Edge) -> None:
    edge.get("/", host="forward.test")
    page = edge.own("health/variants").json()
    assert page["coordinator"]["reachable"] is True
    variants = {each["name"]: each for each in page["variants"]}
    assert variants.keys() == yaml.safe_load(POLICY.read_text())["variants"].keys()
    one = variants["one"]
    assert (one["state"], one["share"], one["active"]) == ("healthy", 1, None)  # no probes here


def counted(edge: Edge, labels: str) -> int:
    text = edge.own("metrics").text
    found = re.search(
        rf"^router_requests_total\{{{labels},isolate=.*\}} (\d+)$", text, re.MULTILINE
    )
    return int(found[1]) if found else 0


@pytest.mark.parametrize(
    ("host", "path", "labels"),
    [
        ("forward.test", "/", 'route="f-one",variant="one",status="200"'),
        ("backend.test", "/status/500", 'route="f-backend",variant="backend",status="500"'),
        ("unbound.test", "/", 'route="f-unbound",variant="unbound",status="502"'),
        ("answer.test", "/", 'route="a-maintenance",variant="",status="503"'),
        ("nowhere.test", "/", 'route="",variant="",status="404"'),
        ("forward.test", "/%zz", 'route="",variant="",status="400"'),
    ],
)
def test_metrics_count_every_answer(edge: Edge, host: str, path: str, labels: str) -> None:
    before = counted(edge, labels)
    edge.get(path, host=host)
    assert counted(edge, labels) == before + 1
    assert edge.own("metrics").headers["content-type"].startswith("text/plain; version=0.0.4")
