"""`make entry-check`: the newest workerd of the registry, and both ways into the router.

The router hands workerd a handler in JavaScript in a way that is not documented
(`router/edge/entry.py`), so a new workerd may not take it. This downloads the newest one into a
folder that is removed again, runs `tests/edge/test_entry.py` on it, and says what that means.
Nothing of the clone is changed. Exit code 0: both ways work.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as Xml
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from router.dev.bundle import pyodide_version, workerd_package
from router.dev.errors import SetupError
from router.dev.kit import WORKERD, Kit
from router.dev.layout import Layout, find_root
from router.dev.npm import run_npm

TESTS = "tests/edge/test_entry.py"
WAYS = ("javascript", "python")  # as the tests' names have them
WITHIN = 900.0


class Case(NamedTuple):
    """A test that has been run; `said`: why it failed, "" if it passed."""

    name: str
    said: str


class Workerd(NamedTuple):
    binary: Path
    version: str


def download(kit: Kit, folder: Path) -> Workerd:
    """The newest workerd, in `folder`."""
    try:
        run_npm(kit, folder, "install", f"--prefix={folder}", "workerd@latest")
    except SetupError as error:
        raise SetupError(f"the newest workerd cannot be downloaded: {error}") from None
    package = folder / "node_modules" / "@cloudflare" / workerd_package()
    return Workerd(kit.installed(package / "bin" / "workerd"), version_of(package))


def version_of(package: Path) -> str:
    return str(json.loads((package / "package.json").read_text(encoding="utf-8"))["version"])


def run_tests(layout: Layout, workerd: Workerd, report: Path) -> list[Case]:
    """What comes of the tests on that workerd."""
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", f"--junitxml={report}", TESTS]
    env = {**os.environ, WORKERD: str(workerd.binary)}
    subprocess.run(command, cwd=layout.root, env=env, check=False, timeout=WITHIN)
    if not report.is_file():
        raise SetupError("pytest could not run the tests")
    return cases(report.read_text(encoding="utf-8"))


def cases(junit: str) -> list[Case]:
    """From pytest's report."""
    found = []
    for case in Xml.fromstring(junit).iter("testcase"):
        wrong = [child for child in case if child.tag in ("failure", "error")]
        message = wrong[0].get("message") or wrong[0].tag if wrong else ""
        found.append(Case(case.get("name", ""), message))
    return found


def verdict(
    version: str, pinned: str, pyodide: str, found: Iterable[Case]
) -> tuple[list[str], bool]:
    """Lines for people, and whether both ways work."""
    ran: Counter[str] = Counter()
    wrong: dict[str, list[Case]] = {way: [] for way in WAYS}
    for case in found:
        for way in WAYS:
            if f"[{way}" in case.name:
                ran[way] += 1
                wrong[way] += [case] if case.said else []
    is_newer = "the one in use" if version == pinned else f"in use is {pinned}"
    lines = [f"workerd {version}, the newest ({is_newer})"]
    lines += [f"entry in {way:<11} {_result_text(ran[way], wrong[way])}" for way in WAYS]
    if any(wrong.values()) and all(len(wrong[way]) == ran[way] for way in WAYS):
        lines.append(
            f"nothing works: it may want another pyodide than {pyodide} "
            "(CONTRIBUTING.md, Upgrading the runtime)"
        )
    elif wrong["javascript"] and not wrong["python"]:
        lines.append("until the handover is mended: set the variable ROUTER_ENTRY to `python`")
    return lines, bool(ran) and all(ran[way] and not wrong[way] for way in WAYS)


def _result_text(ran: int, wrong: list[Case]) -> str:
    if not ran:
        return "not tried"
    if not wrong:
        return f"ok, {ran} tests"
    first = wrong[0]
    return f"FAILS: {len(wrong)} of {ran} tests, first {first.name}: {first.said[:200]}"


def main() -> int:
    layout = Layout(find_root())
    pinned = version_of(layout.npm_package("workerd"))
    pyodide = pyodide_version(layout.npm_package("pyodide"))
    try:
        with tempfile.TemporaryDirectory(prefix="entry-check-") as name:
            folder = Path(name)
            print("entry-check newest workerd, from the registry", flush=True)
            workerd = download(layout.kit, folder)
            found = run_tests(layout, workerd, folder / "report.xml")
    except (SetupError, subprocess.TimeoutExpired) as error:
        print(f"entry-check: {error}", file=sys.stderr)
        return 1
    lines, is_well = verdict(workerd.version, pinned, pyodide, found)
    print("\n".join(lines))
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
