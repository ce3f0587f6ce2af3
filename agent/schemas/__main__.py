"""`python -m agent.schemas` writes what is made of the code: the OpenAPI document and its
reference."""

from __future__ import annotations

import json
from pathlib import Path

from agent.schemas.document import document
from agent.schemas.reference import page

ROOT = Path(__file__).parents[2]


def files() -> dict[str, str]:
    """Each by its path in the repository."""
    text = json.dumps(document(), ensure_ascii=False, indent=1) + "\n"
    return {"agent/schemas/openapi.json": text, "docs/agent-api.md": page()}


def main() -> int:
    for path, text in files().items():
        (ROOT / path).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
