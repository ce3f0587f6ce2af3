"""Loads a policy inside workerd and answers how long it took; `/ready` loads nothing.

As in the router, nothing is collected by itself while a policy is read.
"""

import json
from typing import Any

import js
from load_policy import times  # type: ignore[import-not-found]
from policy_to_load import COMPILED, YAML  # type: ignore[import-not-found]

from workers_runtime.garbage import take_over

take_over()


def on_fetch(request: Any, env: Any, ctx: Any) -> Any:
    if request.url.endswith("/ready"):
        return js.Response.new("ready")
    return js.Response.new(json.dumps(times(YAML.encode(), COMPILED)))
