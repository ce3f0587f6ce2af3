"""Everybody who may serve is out of service: the answer says what became of this request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.edge.router import Edge
from tests.support.edge.workerd import running_edge

POLICY = """\
version: 1
variants:
  slow: { binding: BACKEND, pool: slow }
  broken: { binding: BACKEND, pool: broken }
  unbound: { binding: UNBOUND, pool: unbound }
  first: { binding: BACKEND, pool: both }
  second: { binding: BACKEND, pool: both }
routes:
  - { name: slow, hostnames: [slow.test], split: { slow: 1 }, timeouts: { request: 500ms } }
  - { name: broken, hostnames: [broken.test], split: { broken: 1 } }
  - { name: unbound, hostnames: [unbound.test], split: { unbound: 1 } }
  - { name: both, hostnames: [both.test], split: { both: 1 } }
"""
# host, path, status, code
ILL = [
    ("slow.test", "/slow/1000", 504, "variant-timeout"),  # 14.10
    ("broken.test", "/throw", 502, "variant-failed"),
    ("unbound.test", "/", 502, "variant-unbound"),
    ("both.test", "/throw", 502, "variant-failed"),
]


@pytest.fixture(scope="module")
def ill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("panic")
    policy = folder / "routes.yaml"
    policy.write_text(POLICY)
    with running_edge(folder / "router", policy) as edge:
        yield edge


@pytest.mark.parametrize(("host", "path", "status", "code"), ILL)
def test_what_happened_to_this_request_decides(
    ill: Edge, host: str, path: str, status: int, code: str
) -> None:
    answers = [ill.get(path, host=host) for _ in range(9)]
    assert [each.status_code for each in answers] == [status] * 9
    assert [each.json()["code"] for each in answers] == [code] * 9
    route = host.partition(".")[0]
    assert f'router_panics_total{{route="{route}"' in ill.own("metrics").text
    assert int(answers[-1].headers["retry-after"]) > 0, "when the first may be tried as usual"


def test_who_is_well_again_answers(ill: Edge) -> None:
    for _ in range(9):
        ill.get("/throw", host="broken.test")
    assert ill.get("/status/200", host="broken.test").status_code == 200
