"""The packages of the sandbox: which of their files travel, and how."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest

from agent import config, packages
from agent.packages import NATIVE, PURE, PackagesError, archives, packed, wanted
from agent.sandbox import runner

FILES = {
    "pure/__init__.py": "",
    "pure/data/zone": "x",
    "pure/__init__.pyi": "",
    "pure/__pycache__/x.pyc": "",
    "single.py": "",
    "pure-1.dist-info/METADATA": "Name: pure",
    "pure-1.dist-info/RECORD": "",
    "bin/pure": "",
    "fast/__init__.py": "",
    "fast/core.cpython-314-wasm32-emscripten.so": "",
}


def names(archive: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(archive)).namelist()


def test_what_travels(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    made = packed(tmp_path)
    assert names(made[PURE]) == [
        "pure/__init__.py",
        "pure/data/zone",
        "pure-1.dist-info/METADATA",
        "single.py",
    ]
    assert names(made[NATIVE]) == [
        "fast/__init__.py",
        "fast/core.cpython-314-wasm32-emscripten.so",
    ]
    assert packed(tmp_path) == made
    assert packed(tmp_path / "pure" / "data").keys() == {PURE}


def test_the_list_as_it_is_shipped() -> None:
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", each) for each in wanted())
    zones = names(archives(wanted())[PURE])
    assert "tzdata/zoneinfo/Europe/Berlin" in zones
    assert sum(len(data) for data in archives(wanted()).values()) < 400_000


def test_the_upload_has_the_listed_packages() -> None:
    with_none, with_zones = config.upload([]), config.upload()
    assert with_zones.keys() - with_none.keys() == {f"agent/sandbox/{PURE}"}
    for own in config.variants().values():
        assert {"type": "Data", "globs": ["agent/**/*.zip", "agent/**/*.source"]} in own["rules"]


def test_the_isolate_and_the_tool_use_the_same_names() -> None:
    assert (runner.PURE, runner.NATIVE, runner.LIST) == (PURE, NATIVE, packages.LIST)


@pytest.mark.parametrize("listed", ['"requests"', "[1]"])
def test_a_list_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: str) -> None:
    (tmp_path / "variants.toml").write_text(f"python_packages = {listed}\n")
    monkeypatch.setattr(packages, "AGENT", tmp_path)
    with pytest.raises(PackagesError, match=r"python_packages in agent/variants\.toml: write"):
        wanted()


def test_a_package_that_nobody_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "BUILD", tmp_path)
    with pytest.raises(PackagesError, match=r"no wheels of numpy==0\.0\.1 for Python 3\.14"):
        archives(["numpy==0.0.1"])
    assert list(tmp_path.iterdir()) == []
