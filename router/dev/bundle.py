"""The Pyodide that workerd runs locally, built from npm's `pyodide`.

workerd downloads its Python from Cloudflare, except the version named `dev`, which it
reads from a folder unchecked. That bundle is npm's package of the same version with a
few edits to one file: what workerd forbids (evaluating code, compiling WebAssembly
directly, the wall clock at start) goes through workerd's own wrappers instead.
An edit that no longer finds its place is an error, never a silent miss.
The result is a cache: rebuilt when pyodide's version or anything of the recipe changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from router.dev.errors import SetupError
from router.dev.files import write_if_changed
from router.dev.kit import WORKERD, Kit

# What the edits below were written against, named when one of them no longer fits.
RECIPE_FOR = "314.0.6"
BUNDLE_NAME = "pyodide_dev.capnp.bin"
SCHEMA = Path(__file__).with_name("bundle.capnp")

PRELUDE = """\
import {
  addEventListener, getRandomValues, location, monotonicDateNow, newWasmModule,
  patchedLoadLibData, wasmInstantiate,
} from "pyodide-internal:builtin_wrappers";
function refuseEval() { throw new Error("pyodide tried to evaluate code"); }
"""


@dataclass(frozen=True, slots=True)
class Edit:
    name: str
    find: str
    put: str


EDITS = (
    Edit(
        "export by name",
        "export default _createPyodideModule;",
        "export { _createPyodideModule, _createPyodideModule as default };",
    ),
    Edit("compile WebAssembly", "new WebAssembly.Module(", "newWasmModule("),
    Edit("instantiate WebAssembly", "WebAssembly.instantiate(", "wasmInstantiate("),
    Edit("clock", "Date.now(", "monotonicDateNow("),
    Edit("randomness", "crypto.getRandomValues(", "getRandomValues(Module,"),
    Edit(
        "load libraries",
        "function loadLibData(){",
        # What follows it is never reached.
        "function loadLibData(){var libData=patchedLoadLibData(Module,libName,flags.rpath);"
        "return flags.loadAsync?Promise.resolve(libData):libData;",
    ),
    Edit(
        "memory of libraries",
        "getMemory(metadata.memorySize+memAlign)",
        "Module.getMemoryPatched(Module,libName,metadata.memorySize+memAlign)",
    ),
    Edit("evaluate code", "eval(", "refuseEval("),
    Edit("undefined symbols", "reportUndefinedSymbols()", "void 0"),
)


def edited(source: str, version: str) -> str:
    for edit in EDITS:
        if edit.find not in source:
            raise SetupError(
                f"the edit '{edit.name}' of pyodide.asm.mjs no longer finds its place: "
                f"written for pyodide {RECIPE_FOR}, installed is {version}; "
                "pin that version in package.json or mend router/dev/bundle.py"
            )
        source = source.replace(edit.find, edit.put)
    return PRELUDE + source


def message(package: Path) -> bytes:
    """The three files of pyodide as the Cap'n Proto message that workerd reads."""
    # Loading pycapnp takes a while, and most starts find the bundle built.
    try:
        import capnp
    except ImportError as error:
        raise SetupError("pycapnp is missing: install the package again") from error

    version = pyodide_version(package)
    schema = capnp.load(str(SCHEMA))
    script = edited((package / "pyodide.asm.mjs").read_text(encoding="utf-8"), version)
    parts = (
        ("pyodide.asm", "src", script.encode()),
        ("pyodide.asm.wasm", "wasm", (package / "pyodide.asm.wasm").read_bytes()),
        ("python_stdlib.zip", "data", (package / "python_stdlib.zip").read_bytes()),
    )
    bundle = schema.Bundle.new_message()
    modules = bundle.init("modules", len(parts))
    for module, (name, kind, content) in zip(modules, parts, strict=True):
        module.name = f"pyodideRuntime-internal:{name}"
        module.type = "internal"
        setattr(module, kind, content)
    encoded: bytes = bundle.to_bytes()
    return encoded


def pyodide_version(package: Path) -> str:
    return str(json.loads((package / "package.json").read_text(encoding="utf-8"))["version"])


def recipe(package: Path) -> str:
    """Changes whenever the bundle has to be built anew."""
    digest = hashlib.sha256(pyodide_version(package).encode())
    for part in (Path(__file__), SCHEMA):
        digest.update(part.read_bytes())
    for part in sorted(package.glob("*")):  # half an installation is not the whole one
        digest.update(f"{part.name} {part.stat().st_size}\n".encode())
    return digest.hexdigest()


def bundle_path(kit: Kit) -> Path:
    """Where a bundle of the current recipe stands, once it is built."""
    package = kit.npm_package("pyodide")
    return kit.build / "pyodide" / recipe(package)[:16] / BUNDLE_NAME


def ensure_bundle(kit: Kit) -> Path:
    """The folder that holds a bundle of the current recipe."""
    path = bundle_path(kit)
    if not path.exists():
        write_if_changed(path, message(kit.npm_package("pyodide")))
        for other in path.parent.parent.iterdir():
            if other.is_dir() and other != path.parent:
                shutil.rmtree(other, ignore_errors=True)
    return path.parent


def workerd_binary(kit: Kit) -> Path:
    other = os.environ.get(WORKERD)
    if other:
        return kit.installed(Path(other))
    return kit.npm_package(f"@cloudflare/{workerd_package()}") / "bin" / "workerd"


def workerd_package() -> str:
    system, machine = os.uname().sysname.lower(), os.uname().machine
    return f"workerd-{system}-{'arm64' if machine in ('aarch64', 'arm64') else '64'}"
