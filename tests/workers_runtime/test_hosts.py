"""Host names in ASCII, compared with what JavaScript's `URL` makes of them."""
# ruff: noqa: RUF001 - letters of other scripts, and ones that look alike, are what is tested

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.dev.layout import Layout, find_root
from tests.support.examples import examples
from workers_runtime.hosts import MAX_HOST, host_in_ascii

NODE = str(Layout(find_root()).node)
NAMES = {
    "example.com": "example.com",
    "A_b.Example.com": "a_b.example.com",
    "BÜCHER。example": "xn--bcher-kva.example",
    "straße.example": "xn--strae-oqa.example",
    "βόλος.com": "xn--nxasmm1c.com",
    "ＥＸＡＭＰＬＥ．ｃｏｍ": "example.com",
    "１２７.0.0.1": "127.0.0.1",
    "exam\u00adple.com": "example.com",
    "a\u200bb.com": "ab.com",
    "Ⅳ.example": "iv.example",
    "a_b.bücher.example": "a_b.xn--bcher-kva.example",
    "例え.テスト": "xn--r8jz45g.xn--zckzah",
    "نامه\u200cای.com": "xn--mgba3gch31f060k.com",
    "אבג.example": "xn--4dbcd.example",
    "cafe\u0301.example": "xn--caf-dma.example",
}
# The last but one is a host for browsers, but not in IDNA 2008.
NO_NAMES = ("a\u200db.com", "\u0301a.example", "xn--é.com", "☕.example", "é" * (MAX_HOST + 1))


@pytest.mark.parametrize(("name", "ascii"), NAMES.items())
def test_names(name: str, ascii: str) -> None:
    assert host_in_ascii(name) == ascii


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_host_name(name: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its message is the library's
        host_in_ascii(name)


def test_url_reads_the_same() -> None:
    """Whatever comes out here is what `URL` makes of it; some names only `URL` takes."""
    names = [name for name in NAMES if "_" not in name]

    letters = st.sampled_from("abz.-ßäİıςσéЯ例ش\u05d0\u0301\u200d\u00ad１Ⅳ。☕")

    @given(st.text(letters, min_size=1, max_size=8))
    @examples(300)
    def collect(name: str) -> None:
        names.append(f"{name}.example")

    collect()
    ours = [_or_none(name) for name in names]
    for name, mine, theirs in zip(names, ours, _urls(names), strict=True):
        if mine is not None and theirs is not None:
            assert mine == theirs, name
    assert sum(mine is not None for mine in ours) > 20


def _or_none(name: str) -> str | None:
    try:
        return host_in_ascii(name)
    except ValueError:
        return None


def _urls(names: Sequence[str]) -> list[str | None]:
    code = (
        "const of = (name) => { try { return new URL(`http://${name}/`).hostname }"
        " catch { return null } };"
        "const names = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify(names.map(of)))"
    )
    done = subprocess.run(
        [NODE, "-e", code], input=json.dumps(names), capture_output=True, text=True, check=True
    )
    hosts: list[str | None] = json.loads(done.stdout)
    return hosts
