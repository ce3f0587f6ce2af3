"""What every KV does that commands use: the one in memory, the local one, Cloudflare's."""

from __future__ import annotations

from collections.abc import Iterable

from router.dev.kv import Key, Kv

BYTES = bytes(range(256)) + "ü\n".encode()
ABOUT = {"digest": "ab" * 32, "note": 'a "note" of ü\n'}


def check(kv: Kv, *, many: int) -> None:
    """`many`: how many keys there are to list, so that they come in pages."""
    assert kv.get("policy") is None
    assert list(kv.list("policy")) == []
    kv.put("policy", BYTES, ABOUT)
    kv.put("policy/history/a-1", b"first")
    assert (kv.get("policy"), kv.get("policy/history/a-1")) == (BYTES, b"first")
    assert list(kv.list("policy")) == [Key("policy", ABOUT), Key("policy/history/a-1", {})]
    kv.put("policy", b"", {"note": "second"})
    assert kv.get("policy") == b""
    kv.put("policy", b"third")
    assert next(iter(kv.list("policy"))) == Key("policy", {})
    assert list(kv.list("policy/h")) == [Key("policy/history/a-1", {})]
    assert kv.place
    names = [f"many/{number:05d}" for number in range(many)]
    fill(kv, names)
    assert [key.name for key in kv.list("many/")] == names


def fill(kv: Kv, names: Iterable[str]) -> None:
    for name in names:
        kv.put(name, b"x")
