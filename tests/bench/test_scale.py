"""The simulations: what holds in them whatever the numbers, and that the docs quote them."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scale.command import TABLES, quoting, run_scale
from bench.scale.figures import Table
from bench.scale.leaves import CONTINENTS, World
from bench.scale.one_object import burst, isolates
from bench.scale.tree import SERVICE_MS, Node, Rules, Simulation, spread
from bench.scale.votes import Isolate, Report, by_counts, by_votes, excluded_share
from router.edge.isolate.coordinating import JITTER, PATIENCE_MS
from router.edge.isolate.timing import DEFAULTS

DOCS = Path(__file__).parents[2] / "docs" / "scale.md"
END_MS = 30_000.0


def simulated(number: int, rules: Rules, ejecting: int = 0) -> tuple[Simulation, list[Node], Node]:
    rng, root = Random(number), Node(None)
    nodes = isolates(number, root, rng)
    simulation = Simulation(nodes, rules, rng)
    for node in nodes[:ejecting]:
        simulation.at(10_000.0, simulation.eject, node)
    simulation.run(END_MS)
    return simulation, nodes, root


@given(st.integers(1, 60), st.integers(0, 60), st.sampled_from([0.0, 500.0]))
def test_no_report_comes_early_and_no_answer_before_its_way(
    number: int, ejecting: int, spread_ms: float
) -> None:
    simulation, nodes, _ = simulated(number, Rules(spread_ms=spread_ms), min(number, ejecting))
    sent = {id(node): [0.0] for node in nodes}
    for report in simulation.reports:
        if report.took_ms < inf:
            assert report.node.trip_ms + SERVICE_MS <= report.took_ms + 1e-6 <= PATIENCE_MS + 1e-6
        before = sent[id(report.node)]
        gap = report.at_ms - before[-1]
        assert len(before) == 1 or gap >= DEFAULTS.hurry_ms - 1e-6
        assert gap <= DEFAULTS.report_ms * (1 + JITTER) + 1e-6
        before.append(report.at_ms)


@given(st.integers(2, 60), st.floats(0, 1))
def test_all_know_if_and_only_if_more_than_half_eject(number: int, share: float) -> None:
    ejecting = round(number * share)
    _, nodes, root = simulated(number, Rules(), ejecting)
    assert root.ejected == ejecting
    assert (root.knows_ms < inf) is (ejecting > number / 2)
    learnt = nodes[ejecting:]
    assert all((node.knows_ms < inf) is (ejecting > number / 2) for node in learnt)


def test_an_object_that_gets_too_much_loses_reports_and_is_asked_less() -> None:
    few, *_ = simulated(1_000, Rules())
    many, *_ = simulated(8_000, Rules())
    done = END_MS - PATIENCE_MS
    assert all(report.took_ms < inf for report in few.reports if report.at_ms < done)
    lost = [report for report in many.reports if report.at_ms < done and report.took_ms == inf]
    assert lost
    assert len(many.reports) < 8 * len(few.reports)


def test_news_once_a_second_is_fewer_reports_than_each_at_once() -> None:
    at_once, _ = burst(400, Rules(gap_ms=None))
    once_a_second, _ = burst(400, Rules())
    spread_out, _ = burst(400, Rules(spread_ms=2_000.0))
    assert len(at_once.reports) > len(once_a_second.reports) > len(spread_out.reports)
    assert at_once.longest > once_a_second.longest >= spread_out.longest


def test_a_leaf_knows_what_its_isolates_know_and_the_root_what_leaves_know() -> None:
    rng = Random(7)
    world = World(CONTINENTS, 300, rng)
    assert world.root.users == sum(leaf.users for leaf in world.leaves)
    world.play(Rules(), rng)
    ejected = sum(node.ejected for node in world.isolates)
    assert sum(leaf.ejected for leaf in world.leaves) == ejected
    assert world.root.ejected == ejected
    assert world.learnt_ms()[-1] < inf


def test_while_the_root_is_away_leaves_tell_what_their_own_isolates_agree_on() -> None:
    rng = Random(7)
    alone = World(CONTINENTS, 300, rng)
    alone.play(Rules(), rng, away_ms=inf)
    assert alone.root.knows_ms == inf
    assert sum(when < inf for when in alone.learnt_ms()) > len(alone.learnt_ms()) / 2
    nobody = World([], 300, rng)
    nobody.play(Rules(), rng, away_ms=inf)
    assert all(when == inf for when in nobody.learnt_ms())


@given(
    st.lists(st.floats(0.01, 1), min_size=1, max_size=20), st.integers(min_value=0, max_value=500)
)
def test_everybody_gets_a_share(weights: list[float], more: int) -> None:
    total = 2 * len(weights) + more
    shares = spread(sorted(weights, reverse=True), total)
    assert sum(shares) == total
    assert len(shares) == len(weights)


@pytest.mark.parametrize("errors", [0.0, 1.0])
def test_votes_of_isolates_that_all_see_the_same(errors: float) -> None:
    reports = [Isolate(n, Random(n)).live(5.0, 60_000, inf, errors) for n in range(3)]
    assert (excluded_share(reports) > 0.8) is (errors == 1)


def test_one_isolate_alone_excludes_nobody_by_votes() -> None:
    reports = [Report(float(at), 1, 10, 10, 30_000.0) for at in range(0, 60_000, 5_000)]
    assert by_votes(reports) == inf
    assert by_counts(reports) == 5_000.0


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_scale(["--json", "cost"]) == 0
    (table,) = json.loads(capsys.readouterr().out)
    assert table["name"] == "cost"
    assert run_scale(["cost"]) == 0
    assert capsys.readouterr().out == f"## cost\n\n{TABLES['cost']().markdown()}"
    assert run_scale(["weight"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_the_documentation_quotes_the_simulation(name: str) -> None:
    text = DOCS.read_text(encoding="utf-8")
    table: Table = TABLES[name]()
    assert table.name == name
    assert text.count(f"<!-- scale {name} -->") == 1
    assert quoting(text, [table]) == text
