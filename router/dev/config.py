"""The local wrangler configuration, generated from wrangler.toml.

What the file says holds locally too, but for three things: workerd reads its Python from
our bundle, the upload is already staged, and a service that is no Worker on this machine
(`workers.py`) is the echo Worker. Each server has a folder of its own, so several can run at once:
`upload/` (staged), `router.json`, `workers/`, `echo/`, `python_modules` (a link), `.dev.vars`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from policies.basics.untyped import JsonMapping, JsonObject
from router.dev.files import write_if_changed
from router.dev.layout import Layout
from router.dev.local import LOCAL_FLAGS, write_json

ECHO_NAME = "fiberwise-echo"
# Variables of the Worker (`router/edge/runtime/guard.py`).
ALLOW_PRIVATE, RESOLVER = "ROUTER_ALLOW_PRIVATE", "ROUTER_RESOLVER"
OUTBOUND = "ROUTER_OUTBOUND"  # the binding of a Worker that gets what goes to URLs
PUBLIC_RESOLVER = "https://cloudflare-dns.com/dns-query"
ECHO_SCRIPT = Path(__file__).with_name("echo.js")


class Outside(NamedTuple):
    """The servers that have a URL (variant to URL), and whether they may be in private networks."""

    urls: Mapping[str, str]
    allow_private: bool = False


NOWHERE = Outside({})


def router_config(
    production: JsonMapping,
    variants: Mapping[str, str],
    *,
    echo: bool,
    workers: Collection[str] = (),
    outside: Outside = NOWHERE,
) -> JsonObject:
    """The configuration of wrangler.toml as it runs here.

    `variants` (variant to binding) is the policy's. With `echo` every one of its bindings
    leads to the echo Worker, and so do all URLs; without, those that wrangler.toml binds lead to
    `workers`, and to the echo Worker if they are none of those. URLs are then asked as they are.
    """
    config = {name: value for name, value in production.items() if name != "build"}
    config["main"] = "upload/entry.py"
    config["compatibility_flags"] = [*production.get("compatibility_flags", ()), *LOCAL_FLAGS]
    behind = {} if echo else bound_to(production, workers)
    config["services"] = [
        {"binding": binding, "service": ECHO_NAME, "props": {"variants": names}}
        for binding, names in echoed(production, variants, echo=echo, workers=workers).items()
    ] + [{"binding": binding, "service": name} for binding, name in behind.items()]
    if echo and outside.urls:
        props = {"variants": list(outside.urls), "urls": outside.urls}
        config["services"].append({"binding": OUTBOUND, "service": ECHO_NAME, "props": props})
    config["vars"] = {**_guard(echo, outside), **production.get("vars", {})}
    return config


def _guard(echo: bool, outside: Outside) -> dict[str, str]:
    """The variables that say where requests may go."""
    if outside.allow_private:
        return {ALLOW_PRIVATE: "1"}
    return {} if echo else {RESOLVER: PUBLIC_RESOLVER}  # a URL may be added while it runs


def bound_to(production: JsonMapping, workers: Collection[str]) -> dict[str, str]:
    """The bindings of wrangler.toml that lead to these Workers: binding to Worker."""
    services = production.get("services", ())
    return {each["binding"]: each["service"] for each in services if each["service"] in workers}


def echoed(
    production: JsonMapping,
    variants: Mapping[str, str],
    *,
    echo: bool,
    workers: Collection[str] = (),
) -> dict[str, list[str]]:
    """The bindings that the echo Worker stands behind, each with its variants' names."""
    names: dict[str, list[str]] = {}
    for variant, binding in variants.items():
        names.setdefault(binding, []).append(variant)
    bound = {item["binding"]: item["service"] for item in production.get("services", ())}
    others = [binding for binding in bound if binding not in bound_to(production, workers)]
    chosen = {**bound, **names} if echo else others
    return {binding: names.get(binding, [bound.get(binding, binding)]) for binding in chosen}


def echo_config(compatibility_date: str) -> JsonObject:
    return {
        "name": ECHO_NAME,
        "main": "echo.js",
        "compatibility_date": compatibility_date,
        "no_bundle": True,
    }


def write_configs(
    layout: Layout,
    folder: Path,
    variants: Mapping[str, str],
    *,
    echo: bool,
    workers: Mapping[str, Path] | None = None,
    outside: Outside = NOWHERE,
) -> list[Path]:
    """The configurations for `wrangler dev`: the router's first, the echo Worker's last.

    `workers`: those behind the router, with their configurations.
    """
    production, behind = layout.config, workers or {}
    router = folder / "router.json"
    echoes = folder / "echo" / "echo.json"
    own = router_config(production, variants, echo=echo, workers=behind, outside=outside)
    write_json(router, own)
    write_json(echoes, echo_config(production["compatibility_date"]))
    write_if_changed(echoes.with_name("echo.js"), ECHO_SCRIPT.read_bytes())
    modules = folder / "python_modules"
    if modules.is_symlink() and modules.readlink() != layout.kit.python_modules:
        modules.unlink()  # of an earlier version
    if not modules.is_symlink():
        modules.symlink_to(layout.kit.python_modules)
    return [router, *behind.values(), echoes]
