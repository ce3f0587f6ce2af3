"""`routes.test.yaml` of a new project: what its policy is to do, as cases that pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from router.scaffold.policy import (
    HEADER,
    planned_regions,
    pools_of,
    preview_of,
    written,
)
from router.scaffold.roles import Role

HEAD = """\
# What routes.yaml is to do: requests, and what becomes of them. `router test routes.yaml` runs
# these cases on this machine, with the code that decides at the edge.

version: 1

cases:
"""


def cases_text(roles: Sequence[Role], hostname: str) -> str:
    url = f"https://{hostname}/"
    first, *others = pools_of(roles)
    return HEAD + "\n".join(
        [_everything(url, first, others), *_previews(url, roles, others), *_regions(url, roles)]
    )


def _everything(url: str, first: str, others: Sequence[str]) -> str:
    shares = ", ".join(
        f"{written(pool)}: {100 if pool == first else 0}%" for pool in (first, *others)
    )
    return f"""\
  - name: {first} serves everything
    request: {{ url: "{url}" }}
    expect: {{ route: everything, shares: {{ {shares} }} }}
"""


def _previews(url: str, roles: Sequence[Role], others: Sequence[str]) -> Iterator[str]:
    for pool in others:
        headers = f"headers: {{ {HEADER}: {_text(pool)} }}"
        route = written(preview_of(pool))
        yield f"""\
  - name: testers choose {pool}
    request: {{ url: "{url}", {headers} }}
    expect: {{ route: {route}, pool: {written(pool)} }}
"""
        down = [written(role.variant) for role in roles if role.pool == pool]
        serves = [role for role in roles if role.pool == pools_of(roles)[0]]
        expect = f"status: 200, pool: {written(pool)}"
        if len(serves) == 1:
            expect += f", variant: {written(serves[0].variant)}"
        yield f"""\
  - name: without {pool}, they get {serves[0].pool}
    request:
      url: "{url}"
      {headers}
      down: [{", ".join(down)}]
    expect: {{ {expect} }}
"""


def _regions(url: str, roles: Sequence[Role]) -> Iterator[str]:
    first = pools_of(roles)[0]
    for region in planned_regions(roles):
        near = [role for role in roles if role.pool == first and role.region == region.name]
        if len(near) == 1 and region.continents:
            yield f"""\
  - name: clients in {region.name} get {near[0].variant}
    request: {{ url: "{url}", continent: {region.continents[0]} }}
    expect: {{ variant: {written(near[0].variant)} }}
"""


def _text(pool: str) -> str:
    return written(pool)
