"""The vector file, for both places that run it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from policies.balancing.availability import availability_without
from policies.compiled.policy import CompiledPolicy
from policies.http.request import Client
from policies.proxy.explain.explain import Explanation, explain
from tests.policies.making import NOW, compile_text

PEPPER = b"the-pepper-of-the-tests"
HERE = Path(__file__).parents[1]
POLICY = HERE / "edge" / "policy.yaml"
VECTORS: list[dict[str, Any]] = yaml.safe_load((HERE / "vectors.yaml").read_text())


def name(vector: dict[str, Any]) -> str:
    more = [str(vector[key]) for key in ("method", "country", "headers", "down") if key in vector]
    return " ".join([vector["url"].removeprefix("https://"), *more])


@cache
def vector_policy() -> CompiledPolicy:
    """The policy of all vectors, compiled once a process: at the edge it is one, too."""
    return compile_text(POLICY.read_bytes())


def explained(vector: dict[str, Any]) -> Explanation:
    """What this interpreter makes of a vector."""
    client = Client(*(vector.get(key, "") for key in ("ip", "colo", "country", "continent")))
    headers, down = vector.get("headers", {}), vector.get("down", [])
    around = NOW._replace(pepper=PEPPER, availability=availability_without(down))
    return explain(
        vector_policy(), vector.get("method", "GET"), vector["url"], headers, client, around
    )


def check(vector: dict[str, Any], told: Explanation) -> None:
    """The explanation says what the vector expects."""
    assert told["status"] == vector.get("status", 200)
    assert told["route"] == vector.get("route")
    if "variant" in vector:
        assert told["variant"] == vector["variant"]
        assert told["candidates"][0] == vector["variant"]
    if "key" in vector:
        assert told["key_id"] == vector["key"]
    if "code" in vector:
        assert told["answer"]["code"] == vector["code"]
    if "limits" in vector:
        assert [each["name"] for each in told["rate_limits"]] == vector["limits"]
    if "limited" in vector:
        assert [limit["key"] for limit in told["rate_limits"]] == [vector["limited"]]
    if "at" in vector:
        assert told["forwarded"]["host"] + told["forwarded"]["path"] == vector["at"]
    for name, value in vector.get("sent", {}).items():
        assert told["forwarded"]["headers"].get(name) == value
