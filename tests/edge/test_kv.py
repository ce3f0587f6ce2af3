"""Cloudflare's KV through wrangler, and the local one beside wrangler: others see what they do."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.dev.kv import Key
from router.dev.layout import Layout, find_root
from router.dev.local_kv import LocalKv
from router.dev.wrangler import wrangler
from router.dev.wrangler_kv import WranglerKv
from tests.support.edge.cloudflare import clone, cloudflare
from tests.support.edge.router import HERE
from tests.support.kv_contract import BYTES, check


@pytest.fixture(scope="module")
def layout() -> Layout:
    return Layout(find_root(HERE))


def test_cloudflares_kv(layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with cloudflare(monkeypatch) as api:
        api.page = 1  # so that two keys come in pages: each write is a process of its own
        root = clone(tmp_path / "clone")
        file = root / "wrangler.toml"
        id_line = next(line for line in file.read_text().splitlines() if line.startswith("id ="))
        file.write_text(file.read_text().replace(id_line, f'{id_line}\npreview_id = "another"'))
        check(WranglerKv(Layout(root)), many=1)


def test_wrangler_and_the_local_kv_see_one_another(layout: Layout, tmp_path: Path) -> None:
    """Each replaces what the other wrote."""
    state = tmp_path / "state"
    told = ["--binding", "POLICIES", "--local", "--persist-to", str(state)]
    file = tmp_path / "value"
    file.write_bytes(BYTES)
    with LocalKv(layout, state) as kv:
        kv.put("key", b"of ours", {"note": "a note"})
        put = ["kv", "key", "put", "key", "--path", str(file), "--metadata", '{"n": 1}']
        assert wrangler(layout, [*put, *told]).returncode == 0
        assert kv.get("key") == BYTES
        assert kv.list("") == (Key("key", {"n": 1}),)
        kv.put("key", b"of ours again")
        assert wrangler(layout, ["kv", "key", "get", "key", *told]).stdout == "of ours again"
    assert len(list(state.glob("v3/kv/*/blobs/*"))) == 1  # in one folder, and none is left over
