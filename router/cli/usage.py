"""What `--help` says of a verb beside its options: examples, exit codes, environment variables.

Each verb has a `Usage`; a test runs its examples, and holds that nothing is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from textwrap import wrap
from typing import NamedTuple

WIDTH = 100
CODE_2 = "wrong usage"
CODE_130 = "interrupted (143: terminated)"
# Every variable that a verb may read, with the words of the help.
VARIABLES = {
    "ROUTER_ADMIN_KEY": "the admin secret, or an API key with the scope router:admin",
    "ROUTER_ALLOW_PRIVATE": "if not empty, variants may have URLs in private networks",
    "ROUTER_CACHE": "the folder of the kits: wrangler, workerd, Python's bundle",
    "ROUTER_ENV": "the default of --env, before CLOUDFLARE_ENV",
    "ROUTER_KEY_PEPPER": "the secret that hashes by hmac_sha256 need",
    "ROUTER_URL": "the running router that is asked",
    "ROUTER_WORKERD": "another workerd than the kit's, to try it",
    "CLOUDFLARE_API_TOKEN": "wrangler's login, where no browser is",
    "NO_COLOR": "no colours",
}
ALWAYS = ("NO_COLOR",)
ENV, ASKING = ("ROUTER_ENV",), ("ROUTER_ENV", "ROUTER_URL")  # of --env; of --env and --url
# What needs the kit, and what works on KV or deploys.
KIT = ("ROUTER_CACHE", "ROUTER_WORKERD")
AT_CLOUDFLARE = ("CLOUDFLARE_API_TOKEN", *KIT)


class Example(NamedTuple):
    """A command line, and what it is for."""

    line: str
    what: str


@dataclass(frozen=True, slots=True)
class Usage:
    """`exits`: the meaning of the exit codes that the verb decides on."""

    examples: tuple[Example, ...]
    exits: Mapping[int, str]
    variables: tuple[str, ...] = field(default=())

    def text(self) -> str:
        """The sections that follow the options."""
        exits = {2: CODE_2, **self.exits, 130: CODE_130}
        variables = {name: VARIABLES[name] for name in (*self.variables, *ALWAYS)}
        sections = (
            ("examples", [line for each in self.examples for line in _example(each)]),
            ("exit codes", list(_table({str(code): exits[code] for code in sorted(exits)}))),
            ("environment", list(_table(variables))),
        )
        return "\n\n".join("\n".join([f"{name}:", *lines]) for name, lines in sections)


def _example(example: Example) -> Iterator[str]:
    yield f"  # {example.what}"
    yield f"  $ {example.line}"


def _table(rows: Mapping[str, str]) -> Iterator[str]:
    wide = max(map(len, rows))
    for name, text in rows.items():
        first, *rest = wrap(text, WIDTH - wide - 4)
        yield f"  {name:<{wide}}  {first}"
        yield from (" " * (wide + 4) + line for line in rest)
