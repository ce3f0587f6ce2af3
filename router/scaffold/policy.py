"""`routes.yaml` and `routes.test.yaml` of a new project, written to be read by newcomers.

At first nothing changes for anybody: the first pool serves everything, and the others only who
asks for them with a header. Every value is quoted by YAML's rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from router.scaffold.regions import PlannedRegion, regions_of
from router.scaffold.roles import Role

HEADER = "x-preview"
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._-]*", re.ASCII)
READ_AS_OTHERS = ("true", "false", "null")

HEAD = """\
# The policy of the router: which requests go to which variant.
#
#   router validate routes.yaml                   every mistake, with its line and a hint
#   router test routes.yaml                       the cases of routes.test.yaml
#   router explain routes.yaml --url https://…    where a request goes, and why
#   router push routes.yaml --remote              publish it: it is live within a minute
#
# `router dev` serves it on this machine, and takes over each change of this file.

version: 1

# A variant is a Worker that serves requests. `binding` is its service binding in {config}.
# Variants of one pool can serve the same requests.
variants:
"""
ONE_POOL = """
# A second version gets some of the requests in three steps: bind its Worker in {config}, add a
# variant of the pool `canary` here, and write `canary: 5` beside `{first}: 95` below.
"""
FALLBACK = """
# When none of its variants can serve, a pool's requests go to the pools of its `fallback`.
pools:
"""
REGIONS = """
# A client belongs to a region by its Cloudflare location, country or continent. Variants of its
# region are tried first, then those of the regions in `fallback`, in their order.
regions:
"""
DEFAULT_REGION = (
    "\n# The region of all other clients: unknown countries, Tor.\ndefault_region: {name}\n"
)
HEALTH = """
# A variant that fails gets no requests until it is healthy again. Each one is also probed every
# 10 s. Here every answer below 500 is healthy, since any Worker has some answer for `/`. Better is
# a path that tries what the Worker needs: write `path: /health`, and no `expect`.
health:
  active:
    path: /
    expect: 200-499
"""
PREVIEW = """\
  # Testers choose the pool {pool} with the header `{header}: {pool}`, whatever the weights below.
  - name: {route}
    matches:
      - headers: [{{ name: {header}, value: {value} }}]
    split: {{ {key}: 1 }}

"""
ALL = """\
  # Everything else, for all hostnames and paths.
"""
WEIGHTS = """\
  # The weights are relative: with 95 and 5, one client in twenty gets the second pool.
"""
STICKY = """\
    sticky: [ip] # a client stays in its pool: here by address; `header:x-user-id` is better
"""


def policy_text(roles: Sequence[Role], config: str) -> str:
    """`config`: the name of wrangler's configuration."""
    return "".join([HEAD.format(config=config), *_sections(roles, config)])


def _sections(roles: Sequence[Role], config: str) -> Iterator[str]:
    for role in roles:
        yield f"  {written(role.variant)}: # the Worker {role.service}\n"
        yield f"    binding: {written(role.binding)}\n"
        yield f"    pool: {written(role.pool)}\n"
        if role.region:
            yield f"    region: {written(role.region)}\n"
    first, *others = pools_of(roles)
    if not others:
        yield ONE_POOL.format(config=config, first=first)
    else:
        yield FALLBACK
        for pool in others:
            yield f"  {written(pool)}:\n    fallback: [{written(first)}]\n"
    if regions := planned_regions(roles):
        yield REGIONS
        yield from map(_region, regions)
        yield DEFAULT_REGION.format(name=written(regions[0].name))
    yield HEALTH
    yield "\nroutes:\n"
    yield from map(_preview, others)
    yield ALL + (WEIGHTS if others else "")
    yield "  - name: everything\n    split:\n"
    for pool in (first, *others):
        yield f"      {written(pool)}: {100 if pool == first else 0}\n"
    yield STICKY if others else ""


def pools_of(roles: Sequence[Role]) -> list[str]:
    return list(dict.fromkeys(role.pool for role in roles))


def planned_regions(roles: Sequence[Role]) -> list[PlannedRegion]:
    return regions_of(list(dict.fromkeys(role.region for role in roles if role.region)))


def preview_of(pool: str) -> str:
    """The name of the route of those who ask for a pool."""
    return f"preview-{pool}"[:63].rstrip("-_.")


def written(name: str) -> str:
    """A name as YAML reads it again."""
    is_plain = PLAIN.fullmatch(name) and name.lower() not in READ_AS_OTHERS
    return name if is_plain else json.dumps(name)


def _region(region: PlannedRegion) -> str:
    lines = [f"  {written(region.name)}:"]
    if region.continents:
        lines.append(f"    continents: [{', '.join(region.continents)}]")
    else:
        lines.append("    countries: [] # no client belongs to it yet: write codes such as DE")
    if region.fallback:
        lines.append(f"    fallback: [{', '.join(map(written, region.fallback))}]")
    return "\n".join(lines) + "\n"


def _preview(pool: str) -> str:
    return PREVIEW.format(
        pool=pool,
        header=HEADER,
        route=written(preview_of(pool)),
        value=json.dumps(pool) if written(pool) != pool else pool,
        key=written(pool),
    )
