"""A receiver's side: what the documentation tells receivers to do, as it stands there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.agent.pages import section

SECTION = section("Callbacks")
EXAMPLES = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)

_known: dict[str, Any] = {}
exec(EXAMPLES[0], _known)


def is_ours(secret: str, headers: Mapping[str, str], body: bytes, age: int = 300) -> bool:
    said: bool = _known["is_ours"](secret, headers, body, age)
    return said


def verified(secret: str, headers: Mapping[str, str], body: bytes) -> Any:
    """The message, which has to be one."""
    assert is_ours(secret, headers, body)
    return json.loads(body)
