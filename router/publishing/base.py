"""What an author began with: a push over anything else would undo somebody's work unseen.

The base is what `--base` names (`git`: any version of the file up to here), else what this
clone last pulled from that KV or pushed to it. Of Cloudflare's KV that stands in `.router/`,
which git ignores and `make clean` leaves alone; of a local one in its own folder, by clone,
and goes with it. Where nothing is live nothing can be undone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from policies.language.load import digest_of
from router.dev.files import write_if_changed
from router.publishing.git import was_committed
from router.publishing.history import SHORT
from router.publishing.published import Published
from router.terminal.errors import Failed, UsageError
from router.terminal.files import read_file

BY_GIT = "git"
DIGEST = re.compile(r"[0-9a-f]{64}")
GIVEN = re.compile(r"[0-9a-f]{8,64}")  # shorter is too easily something else


class Base(NamedTuple):
    """The file in which a clone keeps the digest for one place."""

    path: Path

    def read(self) -> str:
        """Empty if nothing is known."""
        try:
            digest = self.path.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return ""
        return digest if DIGEST.fullmatch(digest) else ""

    def write(self, digest: str, warn: Callable[[str], None]) -> None:
        """A push or a pull does not fail because its clone cannot remember it."""
        try:
            write_if_changed(self.path, f"{digest}\n".encode())
        except OSError as error:
            what = f"cannot note in {self.path} what is live: {error.strerror}"
            warn(f"{what}; give the next push its --base")


def base_at_cloudflare(root: Path, namespace: str) -> Base:
    return Base(root / ".router" / f"base-{re.sub(r'[^0-9A-Za-z_-]', '_', namespace)}")


def base_in_local_kv(root: Path, persist_to: Path) -> Base:
    clone = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:SHORT]
    return Base(persist_to / "router" / f"base-{clone}")


def given_base(text: str) -> str:
    """`--base`: a digest, the beginning of one, or the digest of a file's bytes."""
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


def base_by_git(file: str, seen: Published) -> str:
    """`--base git`: what is live, if git has it as a version of the file; so whoever pushes has
    seen it, however many pushes have failed since."""
    if seen.data is None:
        return ""
    if file == "-":
        raise UsageError("--base git: standard input is no file in git")
    if not was_committed(Path(file), seen.data):
        raise Failed(
            f"refused: live is {seen.told()}; git has no such version of {file} up to here. "
            f"See `router diff {file}`; commit what is live (`router pull`), fetch the whole "
            "history, or push over it with --force"
        )
    return seen.digest


def check_base(base: str, seen: Published, file: str) -> None:
    """Refuse a push that began with something else than what is live."""
    if not base or seen.data is None or seen.digest.startswith(base):
        return
    raise Failed(
        f"refused: live is {seen.told()}; your file is based on {base[:SHORT]}. "
        f"See `router diff {file}`, take over what is live with `router pull`, "
        "or push over it with --force"
    )
