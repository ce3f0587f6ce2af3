"""The production upload: wrangler accepts it, and it is small enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.dev.layout import Layout, find_root
from router.dev.upload import GZIP, LIMIT_KIB, dry_run
from router.dev.wrangler import wrangler

pytestmark = pytest.mark.slow


def test_the_size_is_read_from_what_wrangler_prints() -> None:
    found = GZIP.search("Total Upload: 7231.96 KiB / gzip: 1965.61 KiB")
    assert found is not None
    assert float(found[1]) == 1965.61


def test_wrangler_accepts_the_upload_and_it_fits(capsys: pytest.CaptureFixture[str]) -> None:
    done = dry_run(Layout(find_root()))
    with capsys.disabled():
        print(f" upload {done.gzip_kib:.0f} KiB gzip ", end="")
    assert 0 < done.gzip_kib < LIMIT_KIB
    assert "router/edge/runtime/bridge.js" in done.output
    for binding in ("POLICIES", "PRODUCTION_EU", "PRODUCTION_US", "PRODUCTION_AP", "CANARY"):
        assert f"env.{binding} " in done.output


def test_wrangler_does_not_deploy_keys_that_everybody_knows(tmp_path: Path) -> None:
    layout = Layout(find_root())
    args = ["deploy", "--dry-run", "--outdir", str(tmp_path), "--config", str(layout.config_file)]
    done = wrangler(layout, args)
    assert done.returncode
    said = done.stdout + done.stderr
    keys = "core (example-core-key), worker (example-worker-key)"
    assert f"the keys of {keys} are public" in said, said
