"""The edge's packages, in the kit's `python_modules/`.

EDGE is the one list of what the router's Worker imports, and the versions of Python's environment
the one truth: pure Python is copied from there, so the command line and the edge run
the same code. Only what must be compiled is fetched, as a WebAssembly wheel of the same
version. Type stubs, tests and metadata stay out, to keep the upload small.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from router.dev.errors import SetupError
from router.dev.files import write_if_changed
from router.dev.kit import Kit
from workers_tools.wheels import EDGE_PYTHON, WheelsError, install

# pyproject.toml pins their versions.
EDGE = ("cronsim", "idna", "pydantic", "pyyaml")
EDGE_MARKERS = {
    "python_version": EDGE_PYTHON,
    "python_full_version": f"{EDGE_PYTHON}.2",
    "sys_platform": "emscripten",
    "platform_system": "Emscripten",
    "platform_machine": "wasm32",
    "extra": "",
}
# Not pure Python. (PyYAML's extension is optional: its Python parser is all we use.)
COMPILED = ("pydantic-core",)
# The runtime starts no Python Worker without it.
RUNTIME = "workers-runtime-sdk"
STAMP = ".versions"


def edge_distributions(requirements: list[str]) -> list[Distribution]:
    """What the requirements need at the edge, themselves included, in order of name."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate(dict(EDGE_MARKERS)):
            continue
        name = canonicalize_name(requirement.name)
        if name not in found:
            try:
                found[name] = distribution(name)
            except PackageNotFoundError as error:
                raise SetupError(f"{name} is missing: install the package again") from error
            waiting += [Requirement(text) for text in found[name].requires or ()]
    return [found[name] for name in sorted(found)]


def needed() -> list[Distribution]:
    return edge_distributions([*EDGE, RUNTIME])


def is_vendored(kit: Kit) -> bool:
    stamp = kit.python_modules / STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == versions(needed())


def ensure_vendored(kit: Kit) -> None:
    if is_vendored(kit):
        return
    distributions = needed()
    # Gathered aside: what is served meanwhile stays whole until the end.
    aside = kit.build / f"python_modules.{os.getpid()}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for item in distributions:
        if canonicalize_name(item.name) in COMPILED:
            fetch(item, aside, kit.build / f"wheels.{os.getpid()}")
        else:
            copy(item, aside)
    # wrangler's own mark of a vendored folder.
    (aside / "pyvenv.cfg").touch()
    write_if_changed(aside / STAMP, versions(distributions).encode())
    shutil.rmtree(kit.python_modules, ignore_errors=True)
    aside.rename(kit.python_modules)


def versions(distributions: list[Distribution]) -> str:
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return "".join(f"{item.name}=={item.version}\n" for item in distributions) + f"# {recipe}\n"


def copy(item: Distribution, target: Path) -> None:
    for file in item.files or ():
        if wanted(file.parts):
            place = target.joinpath(*file.parts)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), place)


def fetch(item: Distribution, target: Path, aside: Path) -> None:
    """The WebAssembly wheel of the very version that runs here."""
    shutil.rmtree(aside, ignore_errors=True)
    try:
        install([f"{item.name}=={item.version}"], aside, "--no-deps")
    except WheelsError as error:
        raise SetupError(str(error)) from error
    for path in sorted(aside.rglob("*")):
        parts = path.relative_to(aside).parts
        if path.is_file() and wanted(parts):
            place = target.joinpath(*parts)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    shutil.rmtree(aside)


def wanted(parts: tuple[str, ...]) -> bool:
    """Source, and extensions that are WebAssembly."""
    if parts[0] == ".." or parts[0].endswith(".dist-info") or "tests" in parts:
        return False
    return parts[-1].endswith((".py", ".js", ".pth", "-wasm32-emscripten.so"))
