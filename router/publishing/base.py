"""The base of a push: the policy that the author started from.

A push over another policy would silently undo somebody's work, so it is refused. The base is
given by `--base` (`git`: any version of the file up to HEAD), else it is what this clone last
pulled from that KV or pushed to it. It is stored in `.router/` for Cloudflare's KV, which git
ignores and `make clean` keeps, and in the KV's own folder for a local one, by clone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from policies.language.load import digest_of
from router.dev.files import write_if_changed
from router.publishing.git import was_committed, was_committed_with
from router.publishing.history import SHORT
from router.publishing.published import Published
from router.terminal.errors import Failed, UsageError
from router.terminal.files import read_file

BY_GIT = "git"
DIGEST = re.compile(r"[0-9a-f]{64}")
GIVEN = re.compile(r"[0-9a-f]{8,64}")  # a shorter text may be something else


class Base(NamedTuple):
    """The file in which a clone keeps the digest for one place."""

    path: Path

    def read(self) -> str:
        """Return the digest; "" if none is known."""
        try:
            digest = self.path.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return ""
        return digest if DIGEST.fullmatch(digest) else ""

    def write(self, digest: str, warn: Callable[[str], None]) -> None:
        """Store the digest. Only warns on failure: the push or pull itself has succeeded."""
        try:
            write_if_changed(self.path, f"{digest}\n".encode())
        except OSError as error:
            what = f"cannot write the base to {self.path}: {error.strerror}"
            warn(f"{what}; use --base with the next push")


def base_at_cloudflare(root: Path, namespace: str) -> Base:
    return Base(root / ".router" / f"base-{re.sub(r'[^0-9A-Za-z_-]', '_', namespace)}")


def base_in_local_kv(root: Path, env: str, persist_to: Path) -> Base:
    clone = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:SHORT]
    return Base(persist_to / "router" / ("base-" + clone + (f"-{env}" if env else "")))


def given_base(text: str) -> str:
    """Return the value of `--base`: a digest, its beginning, or the digest of a file."""
    if GIVEN.fullmatch(text.lower()):
        return text.lower()
    try:
        data = read_file(text)
    except UsageError:
        what = "neither 8 or more hex digits nor a file"
        raise UsageError(f"--base {text[:80]}: {what}") from None
    if not data:
        raise UsageError(f"--base {text[:80]}: the file is empty, so it was never a policy")
    return digest_of(data)


def base_by_git(file: str, overlay: str | None, seen: Published) -> str:
    """Return the live digest for `--base git`. Raises Failed unless git has the live policy as a
    version of the file with its overlay, so that the author has seen it."""
    if seen.serving is None:
        return ""
    if file == "-":
        raise UsageError("--base git: standard input is not a file in git")
    if overlay is None:
        is_known = was_committed(Path(file), seen.serving)
    else:
        is_known = was_committed_with(Path(file), Path(overlay), seen.serving)
    if not is_known:
        raise Failed(
            f"refused: live is {seen.to_text()}; git has no such version of {file} up to HEAD. "
            f"See `router diff {file}`; commit what is live (`router pull`), fetch the whole "
            "history, or push over it with --force"
        )
    return seen.replaced


def check_base(base: str, seen: Published, file: str) -> None:
    """Refuse a push whose base is not the live policy."""
    if not base or seen.serving is None or seen.replaced.startswith(base):
        return
    raise Failed(
        f"refused: live is {seen.to_text()}; your file is based on {base[:SHORT]}. "
        f"See `router diff {file}`, take over what is live with `router pull`, "
        "or push over it with --force"
    )
