"""Where the project is: the nearest wrangler configuration decides, and must be a router's."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.dev import kit
from router.dev.errors import SetupError
from router.dev.kit import CACHE, this_kit
from router.dev.layout import MAIN, Layout, find_root
from router.dev.wrangler_config import for_environment, read_config

TEXTS = {
    "wrangler.toml": f'main = "{MAIN}"\n',
    "wrangler.json": f'{{"main": "{MAIN}"}}',
    "wrangler.jsonc": f'{{\n  // ours, "in" a comment\n  "main": "./{MAIN}", /* , */\n}}\n',
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_project_is_found_from_within(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(TEXTS[name])
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert find_root(tmp_path / "a" / "b") == tmp_path
    assert Layout(tmp_path).config_file.name == name


def test_of_several_files_wranglers_first_counts(tmp_path: Path) -> None:
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    assert Layout(tmp_path).config_file.name == "wrangler.json"


WRONG = {
    "no project": ({}, "no router project here: run `router init`"),
    "another Worker's": ({"wrangler.toml": 'main = "src/index.js"\n'}, "is another Worker's"),
    "without main": ({"wrangler.toml": "name = 'x'\n"}, "is another Worker's"),
    "main of another kind": ({"wrangler.toml": "main = 7\n"}, "is another Worker's"),
    "broken TOML": ({"wrangler.toml": "main = \n"}, r"wrangler\.toml cannot be read: .*line 1"),
    "broken JSON": ({"wrangler.jsonc": '{\n// x\n"a" 1}'}, r"jsonc cannot be read: .*line 3"),
    "a list": ({"wrangler.json": "[]"}, "holds no object"),
}


@pytest.mark.parametrize(("files", "told"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_project_is_one_line(tmp_path: Path, files: dict[str, str], told: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(SetupError, match=told) as raised:
        find_root(tmp_path)
    assert "\n" not in str(raised.value)


def test_another_workers_project_is_not_passed_by(tmp_path: Path) -> None:
    (tmp_path / "wrangler.toml").write_text(TEXTS["wrangler.toml"])
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "wrangler.toml").write_text('main = "index.js"\n')
    with pytest.raises(SetupError, match=r"api/wrangler\.toml is another Worker's"):
        find_root(tmp_path / "api")


def test_strings_keep_what_looks_like_a_comment(tmp_path: Path) -> None:
    path = tmp_path / "wrangler.jsonc"
    path.write_text('{"a": "http://x,]", /* no */ "b": ["\\"//,}", 1,\n], // x\n}')
    assert read_config(path) == {"a": "http://x,]", "b": ['"//,}', 1]}


CONFIG = {
    "name": "shop",
    "main": MAIN,
    "vars": {"A": 1},
    "services": [{"binding": "API", "service": "api"}],
    "env": {
        "staging": {"services": [{"binding": "STAGED", "service": "api-staging"}]},
        "live": {"name": "own"},
    },
}


def test_an_environment_inherits_as_with_wrangler() -> None:
    path = Path("wrangler.toml")
    staging = for_environment(CONFIG, "staging", path)
    services = [{"binding": "STAGED", "service": "api-staging"}]
    assert staging == {"name": "shop-staging", "main": MAIN, "services": services}
    assert for_environment(CONFIG, "live", path) == {"name": "own", "main": MAIN}
    top = for_environment(CONFIG, "", path)
    assert top == {name: value for name, value in CONFIG.items() if name != "env"}
    with pytest.raises(SetupError, match=r"no environment prod \(it has: staging, live\)"):
        for_environment(CONFIG, "prod", path)


SHAPES = {
    "[services]\nbinding = 'A'": r"services is no list of tables: write `\[\[services\]\]`",
    "build = 'router stage'": r"build is no table: write `\[build\]`",
    "[durable_objects.bindings]\nname = 'A'": r"write `\[\[durable_objects\.bindings\]\]`",
    "kv_namespaces = ['POLICIES']": "kv_namespaces is no list of tables",
    "[[services]]\nbinding = 'A'": "an entry of services is not whole: write `binding` and `serv",
    "[env.staging.services]\nbinding = 'A'": r"write `\[\[env\.staging\.services\]\]`",
}


@pytest.mark.parametrize(("text", "told"), SHAPES.items())
def test_a_setting_of_another_shape_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "wrangler.toml").write_text(TEXTS["wrangler.toml"] + text)
    with pytest.raises(SetupError, match=told) as raised:
        Layout(tmp_path, env="staging" if "staging" in text else "").config  # noqa: B018
    assert "\n" not in str(raised.value)


def test_the_kit_of_an_installation_is_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit, "SOURCES", tmp_path)
    monkeypatch.delenv(CACHE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert this_kit().home.parent == tmp_path / "xdg" / "fiberwise-router"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert this_kit().home.parent == tmp_path / "home" / ".cache" / "fiberwise-router"
    monkeypatch.setenv(CACHE, str(tmp_path / "mine"))
    assert this_kit().home.parent == tmp_path / "mine"
    assert not this_kit().is_clone
