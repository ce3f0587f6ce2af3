"""The local KV by itself; `tests/edge/test_kv.py` has it beside wrangler's."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from router.dev.kv import Key
from router.dev.layout import Layout, SetupError, find_root
from router.dev.local_kv import MOST_METADATA, MOST_VALUE, LocalKv
from tests.support.kv_contract import BYTES, check

HERE = Path(__file__)
MORE_THAN_A_PAGE = 1_001  # of wrangler's
LARGE = BYTES * 17_000  # some more than the largest policy
WRITES = 40
# Ends while it writes, as a command does that is killed.
KILLED = """\
import os, signal, sys
from pathlib import Path
from router.dev.layout import Layout, find_root
from router.dev.local_kv import LocalKv
class Killed(LocalKv):
    def _change(self, *change):
        if self.get("key") is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        super()._change(*change)
with Killed(Layout(find_root(Path(sys.argv[1]))), Path(sys.argv[2])) as kv:
    kv.put("key", b"before")
    kv.put("key", b"after")
"""


@pytest.fixture(scope="module")
def layout() -> Layout:
    return Layout(find_root(HERE))


def test_the_contract_and_that_it_stays(layout: Layout, tmp_path: Path) -> None:
    with LocalKv(layout, tmp_path / "state") as kv:
        check(kv, many=MORE_THAN_A_PAGE)
        kv.delete("policy")
        assert kv.get("policy") is None
        kv.put("large", LARGE)
    with LocalKv(layout, tmp_path / "state") as kv:
        assert len(kv.list("many/")) == MORE_THAN_A_PAGE
        assert kv.get("large") == LARGE


def test_reading_creates_nothing(layout: Layout, tmp_path: Path) -> None:
    with LocalKv(layout, tmp_path / "state") as kv:
        assert kv.get("policy") is None
        assert kv.list("") == ()
        kv.delete("policy")
    assert list(tmp_path.iterdir()) == []


def test_a_value_that_is_replaced_or_deleted_leaves_no_file(layout: Layout, tmp_path: Path) -> None:
    with LocalKv(layout, tmp_path) as kv:
        for number in range(3):
            kv.put("key", b"%d" % number)
            assert _files(tmp_path) == {b"%d" % number}
        kv.delete("key")
        assert _files(tmp_path) == set()


def test_several_at_once_lose_nothing(layout: Layout, tmp_path: Path) -> None:
    """They begin with a folder that is not there yet, and write to one key."""
    begin = Barrier(2)

    def write(name: str) -> int:
        with LocalKv(layout, tmp_path / "state") as kv:
            begin.wait()
            for number in range(WRITES):
                kv.put("policy", name.encode() * 1_000, {"note": name})
                kv.put(f"{name}/{number}", b"x")
                assert kv.get("policy") in (b"a" * 1_000, b"b" * 1_000)
            return len(kv.list(f"{name}/"))

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(write, "ab")) == [WRITES, WRITES]


def test_a_command_that_is_killed_leaves_what_was_there(layout: Layout, tmp_path: Path) -> None:
    state = tmp_path / "state"
    started = subprocess.run(
        [sys.executable, "-c", KILLED, str(HERE), str(state)],
        cwd=find_root(HERE),
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == -signal.SIGKILL, started.stderr
    with LocalKv(layout, state) as kv:
        assert kv.get("key") == b"before"
        kv.put("key", b"again")
        assert kv.get("key") == b"again"


def test_what_has_expired_is_not_there(layout: Layout, tmp_path: Path) -> None:
    with LocalKv(layout, tmp_path) as kv:
        kv.put("key", b"x")
        _change(tmp_path, "UPDATE _mf_entries SET expiration = 1")
        assert kv.get("key") is None
        assert kv.list("") == ()
        _change(tmp_path, f"UPDATE _mf_entries SET expiration = {1 << 52}")
        assert (kv.get("key"), kv.list("")) == (b"x", (Key("key", {}),))


@pytest.mark.parametrize(
    ("key", "value", "note", "told"),
    [
        ("k" * 513, b"", "", "its key has 513 bytes, and 512 is the most"),
        ("key", bytes(MOST_VALUE + 1), "", "its value has 26,214,401 bytes"),
        ("key", b"", "x" * MOST_METADATA, "its metadata has 1,036 bytes"),
    ],
    ids=["key", "value", "metadata"],
)
def test_cloudflares_limits(
    layout: Layout, tmp_path: Path, key: str, value: bytes, note: str, told: str
) -> None:
    with LocalKv(layout, tmp_path) as kv, pytest.raises(SetupError, match=told):
        kv.put(key, value, {"note": note})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["get", "put"])
def test_storage_that_cannot_be_opened_is_one_line(
    layout: Layout, tmp_path: Path, verb: str
) -> None:
    (tmp_path / "file").touch()
    with (
        LocalKv(layout, tmp_path / "file") as kv,
        pytest.raises(
            SetupError, match=r"cannot \w+ policy (from|to) local KV in .*: Not a"
        ) as told,
    ):
        kv.get("policy") if verb == "get" else kv.put("policy", b"")
    assert "\n" not in str(told.value)


def test_storage_of_another_wrangler_says_what_to_do(layout: Layout, tmp_path: Path) -> None:
    with LocalKv(layout, tmp_path) as kv:
        kv.put("key", b"x")
    _change(tmp_path, "ALTER TABLE _mf_entries ADD COLUMN more TEXT")
    with LocalKv(layout, tmp_path) as kv, pytest.raises(SetupError, match="delete the folder, or"):
        kv.get("key")


def test_names_of_namespaces_are_names_of_folders(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.dev.local_kv.local_namespace_id", lambda layout: "<your/id>")
    with LocalKv(layout, tmp_path) as kv:
        kv.put("key", b"x")
        assert kv.get("key") == b"x"
    assert (tmp_path / "v3" / "kv" / "_your_id_" / "blobs").is_dir()


def _files(state: Path) -> set[bytes]:
    return {file.read_bytes() for file in state.glob("v3/kv/*/blobs/*")}


def _change(state: Path, statement: str) -> None:
    (file,) = state.glob("v3/kv/miniflare-KVNamespaceObject/*.sqlite")
    database = sqlite3.connect(file)
    with database:
        database.execute(statement)
    database.close()
