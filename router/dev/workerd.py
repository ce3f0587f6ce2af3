"""workerd by itself, without wrangler's proxy in front: for measuring speed and memory.

A configuration is workerd's own text format; modules are named by file, so what runs is
what stands in the folders. The services are only those asked for: no cache, no inspector,
no outside world. `runtime.py` serves it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from router.dev.config import ECHO_NAME, ECHO_SCRIPT
from router.dev.layout import Layout
from router.dev.loopback import HOST

KV_NAME = "memory-kv"
DISK = "objects"  # the folder, and the service, that Durable Objects are stored in
KV_SCRIPT = Path(__file__).with_name("memory_kv.js")
# The kinds of module, by how a file's name ends.
KINDS = {".js": "esModule", ".mjs": "esModule", ".json": "json"}
HEADER = 'using Workerd = import "/workerd/workerd.capnp";\n\n'
CF_HEADER = "MF-CF-Blob"
PROTO_HEADER = "MF-Scheme"


@dataclass(frozen=True, slots=True)
class WorkerdWorker:
    """A Worker: its modules (name to file; the first is the main one) and its bindings."""

    name: str
    modules: Mapping[str, Path]
    compatibility_date: str
    flags: Sequence[str] = ()
    # Binding to a value in workerd's format: see `service`, `text`, `kv`, `namespace`.
    bindings: Mapping[str, str] = field(default_factory=dict)
    # The classes of Durable Objects among its exports.
    objects: Sequence[str] = ()
    # The Worker that gets what this one sends with plain `fetch`; without any: the network.
    outbound: str | None = None


@dataclass(frozen=True, slots=True)
class External:
    """A server on this machine that Workers reach by `name`, as `host:port`."""

    name: str
    address: str

    def text(self) -> str:
        return f"external = (address = {literal(self.address)}, http = ())"


@dataclass(frozen=True, slots=True)
class Network:
    """What Workers reach with plain `fetch`, in place of the public Internet. `allow`: `public`,
    `private`, or addresses; `trusted`: certificates of authorities, in PEM."""

    allow: Sequence[str]
    trusted: Sequence[str] = ()
    name: str = "internet"

    def text(self) -> str:
        allowed, trusted = (", ".join(map(literal, each)) for each in (self.allow, self.trusted))
        return f"network = (allow = [{allowed}], tlsOptions = (trustedCertificates = [{trusted}]))"


def service(worker: str, props: object = None) -> str:
    given = f", props = (json = {literal(json.dumps(props))})" if props is not None else ""
    return f"service = (name = {literal(worker)}{given})"


def text(value: str) -> str:
    return f"text = {literal(value)}"


def kv(worker: str) -> str:
    """A KV namespace that a Worker plays: it gets workerd's HTTP requests for keys."""
    return f"kvNamespace = {literal(worker)}"


def namespace(class_name: str) -> str:
    """The Durable Objects of one of the Worker's own classes."""
    return f"durableObjectNamespace = {literal(class_name)}"


def literal(value: str) -> str:
    """A string; what JSON escapes, Cap'n Proto escapes alike."""
    return json.dumps(value, ensure_ascii=False)


def config(
    workers: Sequence[WorkerdWorker],
    port: int,
    folder: Path,
    others: Sequence[External | Network] = (),
) -> str:
    """Serve the first of `workers` on `port`; `MF-CF-Blob` sets `request.cf`, `MF-Scheme` the
    scheme of `request.url`.

    The files are named as they are reached from `folder`: workerd takes no other path.
    """
    address, entry = literal(f"{HOST}:{port}"), literal(workers[0].name)
    socket = (
        f'(name = "http", address = {address}, service = {entry}, '
        f"http = (cfBlobHeader = {literal(CF_HEADER)}, "
        f"forwardedProtoHeader = {literal(PROTO_HEADER)}))"
    )
    services = "".join(
        f"    (name = {literal(worker.name)}, worker = {worker_text(worker, folder)}),\n"
        for worker in workers
    )
    services += "".join(f"    (name = {literal(each.name)}, {each.text()}),\n" for each in others)
    if any(worker.objects for worker in workers):
        place = f"(path = {literal(str(folder / DISK))}, writable = true)"
        services += f"    (name = {literal(DISK)}, disk = {place}),\n"
    return (
        f"{HEADER}const config :Workerd.Config = (\n"
        f"  services = [\n{services}  ],\n  sockets = [{socket}],\n);\n"
    )


def worker_text(worker: WorkerdWorker, folder: Path) -> str:
    modules = ", ".join(
        f"(name = {literal(name)}, {kind(name)} = embed {literal(os.path.relpath(path, folder))})"
        for name, path in worker.modules.items()
    )
    bindings = ", ".join(
        f"(name = {literal(name)}, {value})" for name, value in worker.bindings.items()
    )
    flags = ", ".join(literal(flag) for flag in worker.flags)
    outbound = f", globalOutbound = {literal(worker.outbound)}" if worker.outbound else ""
    objects = ", ".join(
        f"(className = {literal(name)}, uniqueKey = {literal(name)}, enableSql = true)"
        for name in worker.objects
    )
    stored = (
        f", durableObjectNamespaces = [{objects}], "
        f"durableObjectStorage = (localDisk = {literal(DISK)})"
    )
    return (
        f"(modules = [{modules}], bindings = [{bindings}]{outbound}{stored if objects else ''}, "
        f"compatibilityDate = {literal(worker.compatibility_date)}, compatibilityFlags = [{flags}])"
    )


def kind(name: str) -> str:
    """As wrangler uploads it: vendored packages are data, whatever their ending."""
    if name.startswith("python_modules/"):
        return "data"
    return KINDS.get(Path(name).suffix, "pythonModule" if name.endswith(".py") else "data")


def router_workers(layout: Layout, folder: Path) -> list[WorkerdWorker]:
    """The router as `router.dev.config` set it up in `folder`, with the echo Worker behind it."""
    local = json.loads((folder / "router.json").read_text(encoding="utf-8"))
    date = local["compatibility_date"]
    bindings = {name: text(str(value)) for name, value in local.get("vars", {}).items()}
    for item in local["services"]:
        bindings[item["binding"]] = service(item["service"], item["props"])
    for item in local["kv_namespaces"]:
        bindings[item["binding"]] = kv(KV_NAME)
    objects = local.get("durable_objects", {}).get("bindings", ())
    for item in objects:
        bindings[item["name"]] = namespace(item["class_name"])
    modules = python_modules(layout, folder / "upload")
    classes = [item["class_name"] for item in objects]
    flags = local["compatibility_flags"]
    return [
        WorkerdWorker(local["name"], modules, date, flags, bindings, objects=classes),
        WorkerdWorker(ECHO_NAME, {ECHO_SCRIPT.name: ECHO_SCRIPT}, date),
        WorkerdWorker(KV_NAME, {KV_SCRIPT.name: KV_SCRIPT}, date),
    ]


def python_modules(layout: Layout, upload: Path) -> dict[str, Path]:
    """The staged upload and the vendored packages, the entry first."""
    return modules_in(upload) | {
        f"python_modules/{path.relative_to(layout.kit.python_modules).as_posix()}": path
        for path in sorted(layout.kit.python_modules.rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    }


def modules_in(upload: Path) -> dict[str, Path]:
    """A staged upload, the entry first."""
    modules = {"entry.py": upload / "entry.py"}
    for path in sorted(upload.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            modules.setdefault(path.relative_to(upload).as_posix(), path)
    return modules
