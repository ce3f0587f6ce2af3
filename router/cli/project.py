"""What verbs share about the project: the environment, its policy, where its router answers.

1. An environment is named by `--env`, else by the first of VARIABLES that is set; "" is the top
   level of wrangler's configuration, as `--env ""` is for wrangler.
2. An environment that the project's configuration lacks is refused, with those that it has.
3. An option comes before a variable, and a variable before a file: so a router's address is that of
   `--url`, of the environment that `--env` names, of ROUTER_URL, or of router.toml.
"""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from urllib.parse import urlsplit

from policies.language.model.policy import Policy
from router.api.client import LOOPBACK, URL, AdminClient, client_of
from router.dev.errors import SetupError
from router.dev.files import write_if_changed
from router.dev.guards import Objection, objections
from router.dev.layout import Layout, find_root, here
from router.dev.required import lacking
from router.dev.settings import router_url
from router.terminal.errors import Failed, UsageError
from router.terminal.files import load_valid, overlay_of, overlay_path

POLICY = "routes.yaml"
# The first that is set and not empty; the second is wrangler's own.
VARIABLES = ("ROUTER_ENV", "CLOUDFLARE_ENV")
ADDRESS = "ROUTER_URL"
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


def env_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--env",
        metavar="E",
        type=env_name,
        help="the environment of wrangler's configuration (default: ROUTER_ENV, or the top level)",
    )


def url_argument(parser: ArgumentParser) -> None:
    """Add `--url` and `--env`, which all commands that ask a running router share."""
    parser.add_argument(
        "--url", metavar="U", help=f"the router (default: ROUTER_URL, router.toml, or {URL})"
    )
    env_argument(parser)


def env_name(text: str) -> str:
    """A name for `--env`, as argparse wants it."""
    if text and not NAME.fullmatch(text):
        hint = "write a name of wrangler's configuration, such as staging"
        raise ArgumentTypeError(f"`{text[:80]}` is not an environment: {hint}")
    return text


def env_of(args: Namespace) -> str:
    """The name of the environment; "" for the top level."""
    if args.env is not None:
        return str(args.env)
    variable = next(filter(os.environ.get, VARIABLES), "")
    name = os.environ.get(variable, "")
    try:
        return env_name(name)
    except ArgumentTypeError as error:
        raise UsageError(f"{variable}: {error}") from None


def layout_of(args: Namespace) -> Layout:
    """The project here, for the environment. Raises SetupError if it has none of that name."""
    layout = Layout(find_root(), env=env_of(args))
    if layout.env:
        layout.config  # noqa: B018 - raises
    return layout


def policy_env(args: Namespace, file: str) -> str:
    """The environment whose overlay belongs to `file`. Outside of a project its overlay must be
    there, since nothing else tells whether the name is right."""
    env = env_of(args)
    if not env:
        return ""
    try:
        root = find_root()
    except SetupError:
        root = None
    if root is not None:
        layout_of(args)
    elif overlay_of(file, env) is None and file != "-":
        raise UsageError(f"there is no environment {env}: {file} has no overlay for it")
    return env


def url_of(args: Namespace) -> str:
    """Where the router answers that a verb asks; without any address, that of `router dev`."""
    url = remote_url(args)
    return URL if url is None else url


def remote_url(args: Namespace) -> str | None:
    """The same; None without any address."""
    if args.url is not None:
        return str(args.url)
    if args.env and (url := _listed_url(args)):
        return url
    return os.environ.get(ADDRESS) or _listed_url(args) or None


def client_for(args: Namespace) -> AdminClient:
    """A client of the router that a verb asks."""
    return client_of(url_of(args), env_of(args))


def local_url(args: Namespace) -> str:
    """Where `router dev` answers: ROUTER_URL counts if it is an address of this machine."""
    named = os.environ.get(ADDRESS, "")
    try:
        is_here = urlsplit(named).hostname in LOOPBACK
    except ValueError:
        is_here = False
    return str(args.url) if args.url is not None else named if is_here else URL


def _listed_url(args: Namespace) -> str:
    """The address in router.toml; "" without one, and without a project."""
    try:
        root = find_root()
    except SetupError:
        if args.env:
            raise
        return ""
    env = env_of(args)
    if env:
        layout_of(args)
    return router_url(root, env)


def project_policy(layout: Layout) -> tuple[Path, Policy]:
    """The project's policy, with the environment's overlay. Prints its findings and raises Failed
    if it is not valid."""
    file = layout.root / POLICY
    # Not as the environment says: what goes to production sends nothing into private networks.
    data, loaded = load_valid(shown(file), layout.env, allow_private=False)
    if loaded.policy is None:
        raise Failed(f"{shown(file)} is not valid")
    return whole_file(layout, file, data), loaded.policy


def whole_file(layout: Layout, file: Path, data: bytes) -> Path:
    """A file with the policy: the given one, or for an overlay one with both laid together."""
    if overlay_of(str(file), layout.env) is None:
        return file
    path = layout.build / "policies" / f"{file.stem}.{layout.env}{file.suffix}"
    write_if_changed(path, data)
    return path


def overlay_place(file: Path, env: str) -> list[Path]:
    """Where the file's overlay is, or would be."""
    return [Path(overlay_path(str(file), env))] if env else []


def objected(layout: Layout, policy: Policy) -> list[Objection]:
    """What must not go to production."""
    return objections(policy, shown(layout.root / POLICY), layout.config, layout.config_name)


def refuse_lacking(layout: Layout) -> None:
    """Raise Failed if the configuration lacks what a router needs, wherever it runs."""
    found = lacking(layout.config)
    if found:
        more = (
            f" (and {len(found) - 1} more: `router upgrade` lists them)" if len(found) > 1 else ""
        )
        raise Failed(found[0].text(layout.config_name) + more)


def shown(path: Path) -> str:
    """The path as it is reached from where the user stands."""
    folder = here()
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
