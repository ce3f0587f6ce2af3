"""The Gateway API cases, for both places that run them: manifests, then a table.

The last document of each file in `tests/gateway` is the table: `host` for all its cases,
`findings` that the import has (none unless given), `doubts` that `router validate` has of what
comes out, and `cases`. A case asks with `method`, `host`, `path` and `headers`, `times` in a row
(1) and `scheme` (`https` is not asked over HTTP: the local runtime has none), and expects

- `status` (200), `backend` (the Service that answers), `route`, `shares` (pool to weight; those
  that are `refused` answer 500);
- `forwarded`: `path`, `query`, `host`, `headers` as the backend gets them (null: not at all);
- `answer`: headers of the router's own answer;
- `client`: headers of the answer as the client gets it, over HTTP (null: not at all);
- `sticky`: the cookie that keeps a client where it is;
- `mirrors`: the Services that get a copy; `seen`: how many came, over HTTP;
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from policies.gateway.convert import Imported, convert

FOLDER = Path(__file__).parents[1] / "gateway"
FILES = sorted(FOLDER.glob("*.yaml"))

Case = dict[str, Any]


class Subject(NamedTuple):
    name: str
    manifests: bytes
    table: dict[str, Any]

    @property
    def cases(self) -> list[Case]:
        host = {"host": self.table["host"]}
        return [
            {"file": self.name, "method": "GET", **host, **each} for each in self.table["cases"]
        ]


def read(path: Path) -> Subject:
    manifests, _, table = path.read_text(encoding="utf-8").rpartition("\n---\n")
    return Subject(path.stem, f"{manifests}\n".encode(), yaml.safe_load(table))


SUBJECTS = [read(path) for path in FILES]
CASES = [case for subject in SUBJECTS for case in subject.cases]


def name(case: Case) -> str:
    headers = case.get("headers", {})
    more = " ".join(f"{key}:{value}" for key, value in headers.items())
    return f"{case['file']} {case['method']} {case['host']}{case['path']} {more}".strip()


@cache
def imported() -> Imported:
    """All files in one policy: each has hosts of its own."""
    return convert((f"{each.name}.yaml", each.manifests) for each in SUBJECTS)
