"""Failover over HTTP: what is tried again, where, and what is not."""

from __future__ import annotations

import time

from tests.support.edge.failover import (  # noqa: F401
    test_a_body_is_sent_again,
    test_a_body_of_unknown_length_is_sent_again,
    test_the_same_variant_again,
    test_who_answers_in_the_end,
)
from tests.support.edge.router import Edge


def test_without_a_budget_every_request_is_retried(edge: Edge) -> None:  # 14.25
    for number in range(20):
        answer = edge.get(f"/flaky/no-budget-{number}/2", host="no-budget.test")
        assert answer.status_code == 200
        assert answer.json()["attempt"] == "3"


def test_a_part_without_a_backend_is_answered_500(edge: Edge) -> None:  # 14.30
    answers = [
        edge.get("/", host="partly.test", headers={"x-user": f"user-{number}"}).status_code
        for number in range(20)
    ]
    assert set(answers) == {200, 500}


def test_a_variant_that_asks_for_a_rest_gets_it(edge: Edge) -> None:
    answer = edge.get("/flaky/tired/1?after=2", host="tired.test")
    assert answer.headers["x-router-variant"] == "one"
    began = time.monotonic()
    variants = []
    while "tired" not in variants:
        variants.append(edge.get("/status/200", host="tired.test").headers["x-router-variant"])
        time.sleep(0.05)
    assert variants[0] == "one"
    assert time.monotonic() - began > 1
    assert 'router_ejections_total{variant="tired",reason="Retry-After"' in edge.own("metrics").text


def test_the_same_variant_again_after_its_rest(edge: Edge) -> None:
    told = edge.get("/flaky/dozing/1?after=1", host="dozing.test").json()
    first, second = told["times"]
    assert second - first >= 1_000
    assert told["attempt"] == "2"


def test_a_rest_that_is_too_long_is_the_clients_answer(edge: Edge) -> None:
    answer = edge.get("/flaky/asleep/1?after=60", host="dozing.test")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert len(answer.json()["came"]) == 1


def test_retries_are_counted(edge: Edge) -> None:
    edge.get("/status/503", host="failover.test")
    text = edge.own("metrics").text
    assert 'router_retries_total{route="o-default",variant="failing"' in text
