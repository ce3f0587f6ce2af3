"""`python -m policies.reference` writes what is made of the code: the JSON Schema of policies,
and the parts of the documentation in `pages.py`."""

from __future__ import annotations

from pathlib import Path

from policies.language.tooling.schema import schema_text
from policies.reference.pages import PARTS, with_part

ROOT = Path(__file__).parents[2]


def main() -> int:
    (ROOT / "policies" / "routes.schema.json").write_text(schema_text(), encoding="utf-8")
    for part in PARTS:
        page = ROOT / "docs" / part.page
        page.write_text(with_part(page.read_text(encoding="utf-8"), part), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
