"""Which Workers run behind the router, and how."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.dev.errors import SetupError
from router.dev.kit import Kit
from router.dev.layout import Layout
from router.dev.local import LOCAL_FLAGS
from router.dev.workers import find_workers
from tests.support.project import write_project


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    kit = Kit(tmp_path / "kit", tmp_path, is_clone=False)
    for name in ("workers/__init__.py", "asgi.py", "yaml/__init__.py"):
        path = kit.python_modules / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return Layout(write_project(tmp_path / "shop"), kit)


def test_javascript_runs_as_it_is_and_python_with_our_runtime(layout: Layout) -> None:
    folder = layout.build / "dev" / "1"
    found = find_workers(layout, folder)
    shop = layout.root.parent
    assert found["shop-api"] == shop / "api" / "wrangler.jsonc"
    path = found["shop-api-next"]
    assert path.is_relative_to(folder)
    config = json.loads(path.read_text())
    assert config["main"] == str(shop / "api-next" / "src" / "entry.py")
    assert config["compatibility_flags"] == ["python_workers", *LOCAL_FLAGS]
    modules = path.parent / "python_modules"
    assert sorted(each.name for each in modules.iterdir()) == ["asgi.py", "workers"]
    assert not (shop / "api-next" / "python_modules").exists()


def test_what_a_python_worker_has_beside_it_comes_with_it(layout: Layout) -> None:
    own = layout.root.parent / "api-next"
    find_workers(layout, layout.build)  # without, at first
    (own / "python_modules" / "theirs").mkdir(parents=True)
    (own / ".dev.vars").write_text("SECRET=1\n")
    with (own / "wrangler.toml").open("a") as config:
        config.write('build = { command = "make" }\n')
        config.write('d1_databases = [{ binding = "DB", migrations_dir = "tables" }]\n')
    for _ in range(2):
        path = find_workers(layout, layout.build)["shop-api-next"]
    config = json.loads(path.read_text())
    assert config["build"] == {"command": "make", "cwd": str(own)}
    assert config["d1_databases"][0]["migrations_dir"] == str(own / "tables")
    assert (path.parent / ".dev.vars").read_text() == "SECRET=1\n"
    assert (path.parent / "python_modules").readlink() == own / "python_modules"
    (own / ".dev.vars").unlink()
    find_workers(layout, layout.build)
    assert not (path.parent / ".dev.vars").is_symlink()


COMMAND = """\
[dev]
workers = ["../api"]
command = '''
for name in one two; do mkdir -p $ROUTER_WORKERS/$name
echo "{\\"name\\": \\"$name\\", \\"main\\": \\"x.js\\"}" > $ROUTER_WORKERS/$name/wrangler.json; done
'''
"""


def test_a_command_writes_more_of_them(layout: Layout) -> None:
    (layout.root / "router.toml").write_text(COMMAND)
    api = layout.root.parent / "api" / "wrangler.jsonc"
    assert set(find_workers(layout, layout.build)) == {"shop-api"}  # nobody binds the others
    bound = '{"services": [{"binding": "TWO", "service": "two"}],'
    api.write_text(api.read_text().replace("{", bound, 1))
    assert list(find_workers(layout, layout.build)) == ["shop-api", "two"]


def test_without_settings_there_are_none(layout: Layout) -> None:
    (layout.root / "router.toml").unlink()
    assert find_workers(layout, layout.build) == {}


def test_one_that_is_not_here_is_told(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    (layout.root / "router.toml").write_text('[dev]\nworkers = ["../apo", "../api"]\n')
    assert list(find_workers(layout, layout.build)) == ["shop-api"]
    place = layout.root.parent / "apo"
    told = f"workers     none in {place}, which router.toml names: the echo Worker stands in\n"
    assert capsys.readouterr().out == told


def test_one_that_nothing_binds_is_told(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    """Its name may be misspelt in a binding, whose variant then gets the echo Worker."""
    config = layout.root / "wrangler.toml"
    config.write_text(config.read_text().replace('"shop-api-next"', '"shop-api-nxt"'))
    assert list(find_workers(layout, layout.build)) == ["shop-api"]
    told = "workers     shop-api-next does not run: no `service` in wrangler.toml names it\n"
    assert capsys.readouterr().out == told


WRONG = {
    "no TOML": ("[dev\n", "router.toml cannot be read: "),
    "another table": ("[dve]\nworkers = []\n", "has no field `dve`: it takes `url`, `[env.NAME]`"),
    "another field": ('[dev]\nworker = ["../api"]\n', '[dev] takes `workers = ["../api"]` and'),
    "another type": ('[dev]\nworkers = "../api"\n', '[dev] takes `workers = ["../api"]` and'),
    "a command that fails": ("[dev]\ncommand = 'echo out of ink; exit 3'\n", "failed: out of ink"),
}


@pytest.mark.parametrize(("text", "told"), WRONG.values(), ids=WRONG.keys())
def test_settings_that_are_wrong_are_one_line(layout: Layout, text: str, told: str) -> None:
    (layout.root / "router.toml").write_text(text)
    with pytest.raises(SetupError) as raised:
        find_workers(layout, layout.build)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_in_an_environment_workers_run_as_in_their_own_of_that_name(layout: Layout) -> None:
    shop = layout.root.parent
    (shop / "api" / "wrangler.jsonc").write_text(
        '{"name": "shop-api", "main": "src/index.js", "vars": {"AT": "top"},'
        ' "env": {"staging": {"vars": {"AT": "staging"}}}}'
    )
    (shop / "api" / ".dev.vars.staging").write_text("SECRET=staging\n")
    config = layout.root / "wrangler.toml"
    services = (
        '[env.staging]\nservices = [\n  { binding = "API", service = "shop-api-staging" },\n'
        '  { binding = "API_NEXT", service = "shop-api-next" },\n]\n'
    )
    config.write_text(config.read_text() + services)
    assert find_workers(layout, layout.build)["shop-api"] == shop / "api" / "wrangler.jsonc"
    staging = Layout(layout.root, layout.kit, "staging")
    found = find_workers(staging, layout.build)
    assert sorted(found) == ["shop-api-next", "shop-api-staging"]  # one has no such environment
    path = found["shop-api-staging"]
    own = json.loads(path.read_text())
    assert (own["vars"], own["main"]) == ({"AT": "staging"}, str(shop / "api" / "src" / "index.js"))
    assert (path.parent / ".dev.vars").read_text() == "SECRET=staging\n"
