"""The staged upload: what the edge runs, and nothing else."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import pytest

from policies.compiled.tables import tables_from
from policies.language.compile.compile import compile_policy
from policies.language.load import load
from router.dev.errors import SetupError
from router.dev.kit import Kit
from router.dev.layout import Layout, find_root
from router.dev.stage import stage, stage_project, upload
from router.dev.vendor import STAMP


def staged(clone: Layout, target: Path) -> set[str]:
    stage(clone.root, clone.root / "routes.yaml", target)
    return {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}


def test_only_the_edge_is_staged(clone: Layout, tmp_path: Path) -> None:
    assert staged(clone, tmp_path / "upload") == {
        "entry.py",
        "bundled_policy.py",
        "policies/__init__.py",
        "policies/routing/__init__.py",
        "policies/routing/match.py",
        "router/__init__.py",
        "router/edge/__init__.py",
        "router/edge/entry.py",
    }


# The rooms of policies/ that requests are decided in, and those that read a policy.
DECIDING = (
    *("access", "balancing", "basics", "compiled", "fleet", "http", "language", "proxy"),
    *("resilience", "rollouts", "routing"),
)


def test_of_this_project_no_tool_and_no_test_is_staged() -> None:
    root = find_root()
    tops = {tuple(Path(name).parts[:2]) for name in upload(root, root / "routes.yaml")}
    assert {top for top in tops if top[0] == "router"} == {
        ("router", "__init__.py"),
        ("router", "edge"),
    }
    assert {top for top in tops if top[0] == "policies"} == {
        ("policies", "__init__.py"),
        *(("policies", room) for room in DECIDING),
    }
    assert {top[0] for top in tops} == {
        *("entry.py", "bundled_policy.py"),
        *("policies", "router", "workers_runtime"),
    }


def imports(source: bytes) -> set[str]:
    """The paths of the modules that a module may import."""
    found = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {f"{module.replace('.', '/')}.py" for module in found}


def test_each_staged_module_is_imported_by_the_entry_or_what_it_imports() -> None:
    root = find_root()
    files = upload(root, root / "routes.yaml")
    modules = {name for name in files if name.endswith(".py") and not name.endswith("__init__.py")}
    reached, next_ones = set[str](), {"entry.py"}
    while next_ones:
        reached |= next_ones
        found = {name for module in next_ones for name in imports(files[module])}
        next_ones = (found & modules) - reached
    assert modules - reached == set()


def test_the_bundled_policy_is_the_file_compiled(clone: Layout, tmp_path: Path) -> None:
    staged(clone, tmp_path / "upload")
    bundled = runpy.run_path(str(tmp_path / "upload" / "bundled_policy.py"))
    loaded = load((clone.root / "routes.yaml").read_bytes())
    assert loaded.policy
    tables = tables_from(bundled["COMPILED"], bundled["DIGEST"])
    assert tables == compile_policy(loaded.policy, loaded.digest)


def test_staging_again_touches_nothing(clone: Layout, tmp_path: Path) -> None:
    target = tmp_path / "upload"
    names = staged(clone, target)
    before = {name: (target / name).stat().st_mtime_ns for name in names}
    with (clone.root / "routes.yaml").open("a") as policy:
        policy.write("# changed\n")
    assert staged(clone, target) == names
    changed = {name for name in names if (target / name).stat().st_mtime_ns != before[name]}
    assert changed == {"bundled_policy.py"}


def test_what_is_gone_from_the_source_is_gone_from_the_upload(
    clone: Layout, tmp_path: Path
) -> None:
    target = tmp_path / "upload"
    staged(clone, target)
    (clone.root / "policies" / "routing" / "match.py").unlink()
    (clone.root / "policies" / "routing" / "__init__.py").unlink()
    assert not any("routing" in name for name in staged(clone, target))
    assert not (target / "policies" / "routing").exists()


INVALID = {
    "missing": (None, "No such file or directory"),
    "not UTF-8": (b"\xff\xfe", ":1:1: "),
    "broken": (b"version: 1\n\troutes: [", ":2:1: "),
    "two findings": (b"version: 2\nrouts: []\n", "more: `router validate "),
}


@pytest.mark.parametrize(("content", "told"), INVALID.values(), ids=INVALID.keys())
def test_a_policy_that_cannot_serve_is_one_line(
    clone: Layout, tmp_path: Path, content: bytes | None, told: str
) -> None:
    policy = tmp_path / "other.yaml"
    if content is not None:
        policy.write_bytes(content)
    with pytest.raises(SetupError, match=r"other\.yaml:") as raised:
        stage(clone.root, policy, tmp_path / "upload")
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def kit_elsewhere(clone: Layout, tmp_path: Path) -> Layout:
    """The same project, with a kit of an installation."""
    kit = Kit(tmp_path / "kit", clone.root, is_clone=False)
    (kit.python_modules / "yaml").mkdir(parents=True)
    (kit.python_modules / "yaml" / "__init__.py").write_text("")
    (kit.python_modules / STAMP).write_text("PyYAML==6\n")
    return Layout(clone.root, kit)


def test_a_project_gets_the_packages_of_its_kit(clone: Layout, tmp_path: Path) -> None:
    layout = kit_elsewhere(clone, tmp_path)
    policy = layout.root / "routes.yaml"
    stage_project(layout, policy)
    there = layout.python_modules / "yaml" / "__init__.py"
    before = there.stat().st_mtime_ns
    stage_project(layout, policy)
    assert there.stat().st_mtime_ns == before
    (layout.kit.python_modules / STAMP).write_text("PyYAML==7\n")
    (layout.kit.python_modules / "yaml").rename(layout.kit.python_modules / "yaml7")
    stage_project(layout, policy)
    assert sorted(path.name for path in layout.python_modules.iterdir()) == [STAMP, "yaml7"]
    assert [path.name for path in layout.build.iterdir()] == ["upload"]


def test_packages_that_could_not_be_copied_whole_leave_those_that_are_there(
    clone: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = kit_elsewhere(clone, tmp_path)
    stage_project(layout, layout.root / "routes.yaml")
    (layout.kit.python_modules / STAMP).write_text("PyYAML==7\n")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("router.dev.stage.shutil.copytree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            stage_project(layout, layout.root / "routes.yaml")
    assert (layout.python_modules / STAMP).read_text() == "PyYAML==6\n"
    assert [path.name for path in layout.build.iterdir()] == ["upload"]
    stage_project(layout, layout.root / "routes.yaml")
    assert (layout.python_modules / STAMP).read_text() == "PyYAML==7\n"


def test_packages_of_somebody_else_stay(clone: Layout, tmp_path: Path) -> None:
    layout = kit_elsewhere(clone, tmp_path)
    (layout.python_modules / "theirs").mkdir(parents=True)
    with pytest.raises(SetupError, match="is not from `router stage`"):
        stage_project(layout, layout.root / "routes.yaml")
    assert (layout.python_modules / "theirs").is_dir()
