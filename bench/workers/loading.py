"""Loads a policy inside workerd and answers how long it took; `/ready` loads nothing."""

import json
from typing import Any

import js
from load_policy import times  # type: ignore[import-not-found]
from policy_to_load import COMPILED, YAML  # type: ignore[import-not-found]


def on_fetch(request: Any, env: Any, ctx: Any) -> Any:
    if request.url.endswith("/ready"):
        return js.Response.new("ready")
    return js.Response.new(json.dumps(times(YAML.encode(), COMPILED)))
