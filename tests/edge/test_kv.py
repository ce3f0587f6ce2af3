"""The local KV and Cloudflare's: they do the same, and others see what they do."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from router.dev.kv import Key
from router.dev.layout import Layout, SetupError, find_root
from router.dev.local_kv import LocalKv
from router.dev.wrangler import wrangler
from router.dev.wrangler_kv import WranglerKv
from tests.support.edge.cloudflare import clone, cloudflare
from tests.support.edge.router import HERE
from tests.support.kv_contract import BYTES, check

MORE_THAN_A_PAGE = 1_001
LARGE = BYTES * 17_000  # some more than the largest policy
WRITES = 40
# Ends in the middle of a request, as a command does that is killed.
KILLED = """\
import os, signal, sys
from pathlib import Path
from router.dev.layout import Layout, find_root
from router.dev.local_kv import LocalKv
with LocalKv(Layout(find_root(Path(sys.argv[1]))), Path(sys.argv[2])) as kv:
    kv.put("before", b"x")
    print(kv._process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def layout() -> Layout:
    return Layout(find_root(HERE))


def test_the_local_kv(layout: Layout, tmp_path: Path) -> None:
    with LocalKv(layout, tmp_path / "state") as kv:
        check(kv, many=MORE_THAN_A_PAGE)
        kv.delete("policy")
        assert kv.get("policy") is None
        kv.put("large", LARGE)
    with LocalKv(layout, tmp_path / "state") as kv:
        assert len(kv.list("many/")) == MORE_THAN_A_PAGE
        assert kv.get("large") == LARGE


def test_cloudflares_kv(layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with cloudflare(monkeypatch) as api:
        api.page = 2
        root = clone(tmp_path / "clone")
        file = root / "wrangler.toml"
        id_line = next(line for line in file.read_text().splitlines() if line.startswith("id ="))
        file.write_text(file.read_text().replace(id_line, f'{id_line}\npreview_id = "another"'))
        check(WranglerKv(Layout(root)), many=3)


def test_wrangler_and_the_local_kv_see_one_another(layout: Layout, tmp_path: Path) -> None:
    state = tmp_path / "state"
    told = ["--binding", "POLICIES", "--local", "--persist-to", str(state)]
    file = tmp_path / "value"
    file.write_bytes(BYTES)
    with LocalKv(layout, state) as kv:
        kv.put("ours", b"of ours", {"note": "a note"})
        put = ["kv", "key", "put", "theirs", "--path", str(file), "--metadata", '{"n": 1}']
        assert wrangler(layout, [*put, *told]).returncode == 0
        assert kv.get("theirs") == BYTES
        assert kv.list("theirs") == (Key("theirs", {"n": 1}),)
        assert wrangler(layout, ["kv", "key", "get", "ours", *told]).stdout == "of ours"


def test_several_at_once_lose_nothing(layout: Layout, tmp_path: Path) -> None:
    """They begin with a folder that is not there yet, and write to one key."""

    def write(name: str) -> int:
        with LocalKv(layout, tmp_path / "state") as kv:
            for number in range(WRITES):
                kv.put("policy", name.encode() * 1_000, {"note": name})
                kv.put(f"{name}/{number}", b"x")
                assert kv.get("policy") in (b"a" * 1_000, b"b" * 1_000)
            return len(kv.list(f"{name}/"))

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(write, "ab")) == [WRITES, WRITES]


def test_it_ends_with_its_command_however_that_ends(tmp_path: Path) -> None:
    started = subprocess.run(
        [sys.executable, "-c", KILLED, str(HERE), str(tmp_path / "state")],
        cwd=find_root(HERE),
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == -signal.SIGKILL, started.stderr
    deadline = time.monotonic() + 20
    while Path(f"/proc/{started.stdout.strip()}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{started.stdout.strip()}").exists()


def test_storage_that_cannot_be_opened_is_one_line(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        LocalKv(layout, tmp_path / "file") as kv,
        pytest.raises(SetupError, match=r"cannot read policy from local KV in .*: .*") as told,
    ):
        kv.get("policy")
    assert "\n" not in str(told.value)
