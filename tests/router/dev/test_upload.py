"""The production upload: wrangler accepts it, and it is small enough."""

from __future__ import annotations

import pytest

from router.dev.layout import Layout, find_root
from router.dev.upload import GZIP, LIMIT_KIB, dry_run


def test_the_size_is_read_from_what_wrangler_prints() -> None:
    found = GZIP.search("Total Upload: 7231.96 KiB / gzip: 1965.61 KiB")
    assert found is not None
    assert float(found[1]) == 1965.61


def test_wrangler_accepts_the_upload_and_it_fits(capsys: pytest.CaptureFixture[str]) -> None:
    done = dry_run(Layout(find_root()))
    with capsys.disabled():
        print(f" upload {done.gzip_kib:.0f} KiB gzip ", end="")
    assert 0 < done.gzip_kib < LIMIT_KIB
    assert "router/edge/bridge.js" in done.output
    for binding in ("POLICIES", "PRODUCTION_EU", "PRODUCTION_US", "PRODUCTION_AP", "CANARY"):
        assert f"env.{binding} " in done.output
