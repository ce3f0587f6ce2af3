"""The staged upload: what the edge runs, and nothing else."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from router.dev.layout import Layout, SetupError, find_root
from router.dev.stage import stage, upload


def staged(clone: Layout, target: Path) -> set[str]:
    stage(clone.root, clone.root / "routes.yaml", target)
    return {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}


def test_only_the_edge_is_staged(clone: Layout, tmp_path: Path) -> None:
    assert staged(clone, tmp_path / "upload") == {
        "entry.py",
        "bundled_policy.py",
        "policies/__init__.py",
        "policies/decisions/__init__.py",
        "policies/decisions/match.py",
        "router/__init__.py",
        "router/edge/__init__.py",
        "router/edge/entry.py",
    }


def test_of_this_project_no_tool_and_no_test_is_staged() -> None:
    root = find_root()
    tops = {tuple(Path(name).parts[:2]) for name in upload(root, root / "routes.yaml")}
    assert {top for top in tops if top[0] == "router"} == {
        ("router", "__init__.py"),
        ("router", "edge"),
    }
    assert {top[0] for top in tops} == {"entry.py", "bundled_policy.py", "policies", "router"}


def test_the_bundled_policy_is_the_file_to_the_letter(clone: Layout, tmp_path: Path) -> None:
    text = "a: \"'\\n'\"\n# ü \N{SNOWMAN} '''\"\"\"\r\n"
    (clone.root / "routes.yaml").write_bytes(text.encode())
    staged(clone, tmp_path / "upload")
    assert runpy.run_path(str(tmp_path / "upload" / "bundled_policy.py"))["YAML"] == text


def test_staging_again_touches_nothing(clone: Layout, tmp_path: Path) -> None:
    target = tmp_path / "upload"
    names = staged(clone, target)
    before = {name: (target / name).stat().st_mtime_ns for name in names}
    (clone.root / "routes.yaml").write_text("version: 2\n")
    assert staged(clone, target) == names
    changed = {name for name in names if (target / name).stat().st_mtime_ns != before[name]}
    assert changed == {"bundled_policy.py"}


def test_what_is_gone_from_the_source_is_gone_from_the_upload(
    clone: Layout, tmp_path: Path
) -> None:
    target = tmp_path / "upload"
    staged(clone, target)
    (clone.root / "policies" / "decisions" / "match.py").unlink()
    (clone.root / "policies" / "decisions" / "__init__.py").unlink()
    assert not any("decisions" in name for name in staged(clone, target))
    assert not (target / "policies" / "decisions").exists()


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["missing", "not UTF-8"])
def test_a_policy_that_cannot_be_read_is_one_line(
    clone: Layout, tmp_path: Path, content: bytes | None
) -> None:
    policy = tmp_path / "other.yaml"
    if content is not None:
        policy.write_bytes(content)
    with pytest.raises(SetupError, match=r"other\.yaml: ") as raised:
        stage(clone.root, policy, tmp_path / "upload")
    assert "\n" not in str(raised.value)
