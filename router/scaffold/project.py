"""The files of a new project, and writing them: all of them, or none.

1. No file is overwritten. To a `.gitignore` lines are added that it has not.
2. What cannot be written whole is taken back, also after Ctrl-C.
3. The admin key of this machine is made here, is only in `.dev.vars`, and is never printed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from router import __version__
from router.dev.errors import SetupError
from router.dev.files import write_if_changed
from router.dev.repository import repository_of
from router.dev.secrets import new_key
from router.scaffold.cases import cases_text
from router.scaffold.policy import policy_text
from router.scaffold.roles import Role
from router.scaffold.settings import Service, jsonc_text, sections, toml_text
from router.scaffold.workflow import FILE as WORKFLOW
from router.scaffold.workflow import workflow_text

POLICY, CASES, DEV, SECRETS, IGNORED = (
    *("routes.yaml", "routes.test.yaml", "router.toml", ".dev.vars", ".gitignore"),
)
GENERATED = (".dev.vars*", ".router/", ".wrangler/", "build/", "python_modules/", "node_modules/")
EXAMPLE_HOST = "{}.example.com"
SECRET = 0o600


class NewFile(NamedTuple):
    text: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Plan:
    """`folder`: the project's; `config`: the name of wrangler's configuration; `name`: the
    router's Worker."""

    folder: Path
    config: str
    name: str
    roles: Sequence[Role]
    workflow: bool = True

    @property
    def hostnames(self) -> list[str]:
        """Where its Workers are reached today."""
        lists = (role.worker.hostnames for role in self.roles if role.worker)
        return list(dict.fromkeys(name for names in lists for name in names))


def files_of(plan: Plan) -> dict[Path, NewFile]:
    """Every file but `.gitignore`, by its absolute path."""
    plain = [name for name in plan.hostnames if "*" not in name]
    hostname = (plain or [EXAMPLE_HOST.format(plan.name)])[0]
    files = {
        plan.folder / POLICY: NewFile(policy_text(plan.roles, plan.config)),
        plan.folder / CASES: NewFile(cases_text(plan.roles, hostname)),
        plan.folder / plan.config: NewFile(_settings(plan)),
        plan.folder / DEV: NewFile(_dev(plan)),
        plan.folder / SECRETS: NewFile(_secrets(), SECRET),
    }
    if plan.workflow:
        root = repository_of(plan.folder) or plan.folder
        inner = plan.folder.relative_to(root)
        files[root / WORKFLOW] = NewFile(workflow_text(__version__, inner))
    return files


def write_project(plan: Plan) -> list[Path]:
    """Return what was written. Raises SetupError, with nothing written, if a file is there."""
    files = files_of(plan)
    there = [path for path in files if os.path.lexists(path)]
    if there:
        names = ", ".join(relative(path, plan.folder) for path in there)
        verb = "is" if len(there) == 1 else "are"
        workflow = (
            " (`--no-workflow` leaves that one out)" if there[0].name == WORKFLOW.name else ""
        )
        hint = f"move {'it' if len(there) == 1 else 'them'} away, or name another folder{workflow}"
        message = f"{names} {verb} in {plan.folder} already"
        raise SetupError(message, where=str(there[0]), hint=hint)
    try:
        _write_all(files, plan.folder / IGNORED)
    except OSError as error:
        where = str(error.filename)
        raise SetupError(f"cannot write {where}: {error.strerror}", where=where) from None
    return [*files, plan.folder / IGNORED]


def relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _write_all(files: Mapping[Path, NewFile], ignored: Path) -> None:
    written: list[Path] = []
    try:
        for path, file in files.items():
            written += _make_folder(path.parent)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with open(os.open(path, flags, file.mode), "w", encoding="utf-8") as opened:
                written.append(path)
                opened.write(file.text)
        _add_ignored(ignored)
    except BaseException:
        for path in reversed(written):
            path.rmdir() if path.is_dir() else path.unlink()
        raise


def _make_folder(folder: Path) -> list[Path]:
    """Return the folders that were made, the outermost first."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    created: list[Path] = []
    try:
        for parent in reversed(missing):
            parent.mkdir()
            created.append(parent)
    except OSError:
        for parent in reversed(created):
            parent.rmdir()
        raise
    return created


def _add_ignored(path: Path) -> None:
    """What is there stays byte for byte: whatever its encoding is, and how its lines end."""
    data = path.read_bytes() if path.exists() else b""
    has = {line.strip().strip(b"/").decode("utf-8", "replace") for line in data.splitlines()}
    more = [name for name in GENERATED if name.strip("/") not in has]
    if more:
        newline = b"\r\n" if b"\r\n" in data else b"\n"
        start = data if not data or data.endswith(b"\n") else data + newline
        lines = [name.encode() + newline for name in more]
        mode = path.stat().st_mode & 0o777 if data else 0o644
        write_if_changed(path, start + b"".join(lines), mode)


def _settings(plan: Plan) -> str:
    services = [Service(role.binding, role.service, _environments(role)) for role in plan.roles]
    written = sections(plan.name, services, plan.hostnames)
    return (toml_text if plan.config.endswith(".toml") else jsonc_text)(written)


def _environments(role: Role) -> str:
    found = role.worker.environments if role.worker else ()
    if not found:
        return ""
    names = ", ".join(f"{role.service}-{env}" for env in found)
    return f"{role.service} has environments, which wrangler deploys as {names}."


def _dev(plan: Plan) -> str:
    paths = [relative(role.worker.path, plan.folder) for role in plan.roles if role.worker]
    quoted = ", ".join(f'"{path}"' for path in dict.fromkeys(paths))
    return f"""\
# The Workers that `router dev` runs behind the router, by their folders. The echo Worker is in
# place of the others.
[dev]
workers = [{quoted}]
"""


def _secrets() -> str:
    return f"""\
# Secrets on this machine only; git ignores this file. In production they are set with
# `npx wrangler secret put ROUTER_ADMIN_KEY`.
ROUTER_ADMIN_KEY={new_key()}
"""
