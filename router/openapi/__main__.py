"""`python -m router.openapi` writes the OpenAPI document, made from the types, and its
reference."""

from __future__ import annotations

import json
from pathlib import Path

from router.openapi.document import document
from router.openapi.reference import page

ROOT = Path(__file__).parents[2]


def files() -> dict[str, str]:
    """The text of each file, by its path in the repository."""
    text = json.dumps(document(), ensure_ascii=False, indent=1) + "\n"
    return {"router/openapi/openapi.json": text, "docs/router-api.md": page()}


def main() -> int:
    for path, text in files().items():
        (ROOT / path).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
