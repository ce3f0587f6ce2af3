"""The KV of `router dev` on this machine: read and written in milliseconds.

One Node process with wrangler's own miniflare opens the storage of `wrangler dev
--persist-to`, so a running router sees at once what is written here, and the reverse. It
belongs to a session of its own: Ctrl-C does not reach it, and a write that has begun is
finished. It ends when we do, because its standard input ends.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any

from policies.basics.untyped import JsonObject
from router.dev.kv import Key, keys_from, local_namespace_id
from router.dev.layout import Layout, SetupError
from router.dev.wrangler import last_error

SCRIPT = Path(__file__).with_name("local_kv.mjs")
VERSION = "v3"  # wrangler's folder within the one that it is told to persist to
ANSWER_WITHIN = 60.0  # the first answer waits for the runtime
GRACE = 5.0  # how long it may take to finish what it is doing


class LocalKv:
    """A context manager: opened and closed by `with`."""

    def __init__(self, layout: Layout, persist_to: Path) -> None:
        self._layout = layout
        self._persist_to = persist_to
        self._process: subprocess.Popen[bytes] | None = None
        self._answers = -1
        self._unread = b""

    @property
    def place(self) -> str:
        return f"local KV in {self._persist_to}"

    def get(self, key: str) -> bytes | None:
        value = self._ask(f"cannot read {key} from", verb="get", key=key)["value"]
        return None if value is None else b64decode(value)

    def put(self, key: str, value: bytes, metadata: Mapping[str, str] | None = None) -> None:
        sent = {"value": b64encode(value).decode(), "metadata": metadata}
        self._ask(f"cannot write {key} to", verb="put", key=key, **sent)

    def list(self, prefix: str) -> tuple[Key, ...]:
        answer = self._ask(f"cannot list {prefix} of", verb="list", key=prefix)
        return tuple(keys_from(answer["keys"]))

    def delete(self, key: str) -> None:
        self._ask(f"cannot delete {key} from", verb="delete", key=key)

    def __enter__(self) -> LocalKv:
        layout = self._layout
        wrangler = layout.npm_package("wrangler") / "package.json"
        self._answers, theirs = os.pipe()
        self._errors = TemporaryFile()
        arguments = [
            str(wrangler),
            str(self._persist_to / VERSION),
            local_namespace_id(layout),
            str(theirs),
        ]
        try:
            self._process = subprocess.Popen(
                [str(layout.node), str(SCRIPT), *arguments],
                cwd=layout.root,
                env={**os.environ, "NO_COLOR": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=(theirs,),
                start_new_session=True,
            )
        finally:
            os.close(theirs)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.communicate(timeout=GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        finally:
            os.close(self._answers)
            self._errors.close()

    def _ask(self, what: str, **request: Any) -> JsonObject:
        try:
            answer = self._exchange(json.dumps(request).encode() + b"\n")
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SetupError(f"{what} {self.place}: {self._reason() or error}") from None
        if "error" in answer:
            raise SetupError(f"{what} {self.place}: {answer['error']}")
        return answer

    def _exchange(self, line: bytes) -> JsonObject:
        if self._process is None or self._process.stdin is None:
            raise OSError("it is not open")
        self._process.stdin.write(line)
        self._process.stdin.flush()
        deadline = time.monotonic() + ANSWER_WITHIN
        while b"\n" not in self._unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                raise OSError(f"no answer within {ANSWER_WITHIN:.0f} s")
            chunk = os.read(self._answers, 1 << 20)
            if not chunk:
                self._process.wait(GRACE)
                raise OSError("it has ended")
            self._unread += chunk
        received, _, self._unread = self._unread.partition(b"\n")
        answer: JsonObject = json.loads(received)
        return answer

    def _reason(self) -> str:
        """Return Node's error output, if it has ended."""
        if self._process is None or self._process.poll() is None:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").splitlines()
        errors = [line for line in lines if "Error" in line]
        return errors[0].strip() if errors else last_error("\n".join(lines))
