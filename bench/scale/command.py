"""`python -m bench scale [--json | --docs] [NAME…]`: the tables, or some of them by name;
`--docs` puts them into docs/scale.md."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.scale.cost import cost
from bench.scale.figures import Table
from bench.scale.leaves import root_away, shapes
from bench.scale.one_object import bursts, steady
from bench.scale.votes import false_exclusions, missed

DOCS = Path(__file__).parents[2] / "docs" / "scale.md"
TABLES: dict[str, Callable[[], Table]] = {
    "steady": steady,
    "bursts": bursts,
    "shapes": shapes,
    "root-away": root_away,
    "false": false_exclusions,
    "missed": missed,
    "cost": cost,
}


def run_scale(args: Sequence[str]) -> int:
    names = [arg for arg in args if not arg.startswith("--")] or list(TABLES)
    unknown = [name for name in names if name not in TABLES]
    if unknown:
        print(f"scale: no table {unknown[0]}; known: {', '.join(TABLES)}", file=sys.stderr)
        return 2
    tables = [TABLES[name]() for name in names]
    if "--json" in args:
        print(json.dumps([table.to_dict() for table in tables], indent=2))
    elif "--docs" in args:
        DOCS.write_text(quoting(DOCS.read_text(encoding="utf-8"), tables), encoding="utf-8")
    else:
        print("\n".join(f"## {table.name}\n\n{table.markdown()}" for table in tables), end="")
    return 0


def quoting(text: str, tables: Sequence[Table]) -> str:
    """`text` with these tables between their markers."""
    for table in tables:
        place = rf"(?s)(<!-- scale {table.name} -->\n).*?(<!-- end -->)"
        text = re.sub(place, rf"\g<1>{table.markdown()}\g<2>", text)
    return text
