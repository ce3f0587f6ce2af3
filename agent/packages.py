"""The packages that Python in the sandbox can import: `python_packages` of `variants.toml`.

- pip chooses wheels for the edge's Python, with their dependencies: pure ones, and compiled ones if
  they were published for it.
- They are uploaded as two archives. Python imports pure packages straight from `packages.zip`;
  packages with compiled parts are in `native.zip`, since the runtime loads such parts only from
  files of its own.
- What pip fetched is kept in `build/`, by the text of the list.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from workers_tools.wheels import EDGE_PLATFORM, WheelsError, install

AGENT = Path(__file__).parent
BUILD = AGENT.parent / "build" / "sandbox"
LIST = "python_packages"
PURE, NATIVE = "packages.zip", "native.zip"
COMPILED = "-wasm32-emscripten.so"
_LEFT_OUT = (".pyc", ".pyi", ".typed", ".pth", ".exe")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # so that the same packages are the same bytes


class PackagesError(Exception):
    """The packages cannot be had; the message says which list is wrong."""


def wanted() -> list[str]:
    """The list in `variants.toml`."""
    source = tomllib.loads((AGENT / "variants.toml").read_text(encoding="utf-8"))
    listed = source.get(LIST, [])
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise PackagesError(f'{LIST} in agent/variants.toml: write ["requests==2.34.2", ...]')
    return listed


def are_fetched(requirements: Sequence[str]) -> bool:
    return not requirements or _place(requirements).is_dir()


def archives(requirements: Sequence[str]) -> dict[str, bytes]:
    """The archives by name, fetched if needed; empty ones are left out."""
    if not requirements:
        return {}
    place = _place(requirements)
    if not place.is_dir():
        aside = place.with_name(f"{place.name}.aside")
        shutil.rmtree(aside, ignore_errors=True)
        try:
            install(requirements, aside)
        except WheelsError as error:
            raise PackagesError(str(error)) from error
        aside.rename(place)
    return packed(place)


def packed(folder: Path) -> dict[str, bytes]:
    """The packages in `folder`, as archives."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    kept = [path.relative_to(folder) for path in files if _is_kept(path.relative_to(folder))]
    compiled = {path.parts[0] for path in kept if path.name.endswith(COMPILED)}
    native = [path for path in kept if path.parts[0] in compiled]
    pure = [path for path in kept if path.parts[0] not in compiled]
    found = {PURE: _zipped(folder, pure), NATIVE: _zipped(folder, native)}
    return {name: data for name, data in found.items() if data}


def _is_kept(path: Path) -> bool:
    """Whether a file is uploaded; of a package's metadata only the file that `importlib.metadata`
    reads first."""
    if path.parts[0] == "bin" or path.suffix in _LEFT_OUT or "__pycache__" in path.parts:
        return False
    return not path.parts[0].endswith(".dist-info") or path.name == "METADATA"


def _zipped(folder: Path, paths: Iterable[Path]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in paths:
            entry = zipfile.ZipInfo(path.as_posix(), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, (folder / path).read_bytes())
        is_empty = not archive.namelist()
    return b"" if is_empty else written.getvalue()


def _place(requirements: Sequence[str]) -> Path:
    recipe = "\n".join([EDGE_PLATFORM, *requirements])
    return BUILD / hashlib.sha256(recipe.encode()).hexdigest()[:16]


def main() -> int:
    """Fetch what is missing, as the last step of `make install`."""
    try:
        listed = wanted()
        if not are_fetched(listed):
            print("sandbox     packages that the agent's Python can import", flush=True)
            archives(listed)
    except PackagesError as error:
        print(f"install: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
