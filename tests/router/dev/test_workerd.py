"""workerd's own configuration, written from what is staged and configured for wrangler."""

from __future__ import annotations

from pathlib import Path

from router.dev.config import write_configs
from router.dev.layout import Layout
from router.dev.workerd import WorkerdWorker, config, kind, literal, namespace, router_workers


def test_the_router_is_served_with_its_bindings(clone: Layout, tmp_path: Path) -> None:
    folder = tmp_path / "server"
    write_configs(clone, folder, {'a "quoted" variant': "MAIN"}, echo=True)
    (folder / "upload").mkdir()
    (folder / "upload" / "entry.py").write_text("")
    clone.python_modules.mkdir()
    (clone.python_modules / "yaml.py").write_text("")

    text = config(router_workers(clone, folder), 1234, folder)

    assert 'address = "127.0.0.1:1234", service = "miniature"' in text
    assert '(name = "entry.py", pythonModule = embed "upload/entry.py")' in text
    assert (
        '(name = "python_modules/yaml.py", data = embed "../clone/python_modules/yaml.py")' in text
    )
    assert '(name = "POLICIES", kvNamespace = "memory-kv")' in text
    props = literal('{"variants": ["a \\"quoted\\" variant"]}')
    assert f'(name = "MAIN", service = (name = "fiberwise-echo", props = (json = {props})))' in text


def test_durable_objects_are_stored_in_the_folder(tmp_path: Path) -> None:
    script = tmp_path / "x.js"
    bindings = {"COUNTERS": namespace("Counter")}
    worker = WorkerdWorker("x", {"x.js": script}, "2026-11-17", (), bindings, ["Counter"])
    found = config([worker], 1234, tmp_path)
    assert '(name = "COUNTERS", durableObjectNamespace = "Counter")' in found
    assert '(className = "Counter", uniqueKey = "Counter", enableSql = true)' in found
    assert f'(name = "objects", disk = (path = "{tmp_path}/objects", writable = true))' in found
    plain = config([WorkerdWorker("x", {"x.js": script}, "2026-11-17")], 1234, tmp_path)
    assert "durableObject" not in plain
    assert "disk" not in plain


def test_vendored_files_are_data_whatever_they_are_called() -> None:
    names = ("policies/x.py", "python_modules/x.py", "worker.mjs", "python_modules/y.js", "z.txt")
    assert [kind(name) for name in names] == ["pythonModule", "data", "esModule", "data", "data"]
