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
from dataclasses import dataclass
from pathlib import Path

from router.dev.layout import Layout, SetupError

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
    import capnp

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
    return digest.hexdigest()


def ensure_bundle(layout: Layout) -> Path:
    """The folder that holds a bundle of the current recipe."""
    package = layout.npm_package("pyodide")
    folder = layout.build / "pyodide" / recipe(package)[:16]
    bundle = folder / BUNDLE_NAME
    if not bundle.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Written aside and renamed: another process must never read half a bundle.
        aside = folder / f"{BUNDLE_NAME}.{os.getpid()}"
        aside.write_bytes(message(package))
        aside.replace(bundle)
    return folder


def ensure_workerd(layout: Layout) -> Path:
    """A command that runs the real workerd with our bundle; wrangler starts it by path."""
    folder = ensure_bundle(layout)
    binary = layout.npm_package(f"@cloudflare/{workerd_package()}") / "bin" / "workerd"
    command = layout.build / "pyodide" / "workerd"
    text = (
        f'#!/bin/sh\nexec {quoted(binary)} "$@" --pyodide-bundle-disk-cache-dir={quoted(folder)}\n'
    )
    if not command.exists() or command.read_text(encoding="utf-8") != text:
        aside = command.with_name(f"workerd.{os.getpid()}")
        aside.write_text(text, encoding="utf-8")
        aside.chmod(0o755)
        aside.replace(command)
    return command


def workerd_package() -> str:
    system, machine = os.uname().sysname.lower(), os.uname().machine
    return f"workerd-{system}-{'arm64' if machine in ('aarch64', 'arm64') else '64'}"


def quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "'\\''") + "'"
