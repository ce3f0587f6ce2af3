"""`Any` in policies/: only where no type says more. `basics/untyped.py` names parsed values."""

from __future__ import annotations

import ast

from router.dev.layout import find_root

POLICIES = find_root() / "policies"
# Why each file has it. None is added without a reason; who takes the last one out takes it off.
WITH_ANY = {
    "api/values.py": "limits of pydantic's Field",
    "basics/untyped.py": "the names of what is parsed",
    "gateway/routes/filters.py": "a reader for each kind of filter",
    "language/tooling/reference.py": "an annotation that the reference describes",
    "language/values/drills.py": "a text that is read as something else",
    "language/values/failover.py": "a text that is read as something else",
    "language/values/health.py": "a text that is read as something else",
    "language/values/limits.py": "a text that is read as something else",
    "language/yaml/composer.py": "PyYAML has no types for events",
    "language/yaml/events.py": "PyYAML has no types for tokens and marks",
    "proxy/phases/effects.py": "each effect has a result of its own",
    "reference/machines.py": "state machines with enums of their own",
}


def test_files_with_any_are_known() -> None:
    found = set[str]()
    for path in POLICIES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name) and node.id == "Any":
                found.add(path.relative_to(POLICIES).as_posix())
    assert found == WITH_ANY.keys()
