"""Prints a difference: its changes, and what happens to requests."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import unified_diff

from policies.basics.untyped import JsonObject
from policies.difference.views.change import Change
from policies.difference.views.summary import aspects
from policies.difference.views.texts import change_text
from router.terminal.console import Output, Part, counted, out, say
from router.terminal.tables import columns

_SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}
MAX_ROWS = 20
MAX_FLOWS = 2


def change_document(change: Change) -> JsonObject:
    return {
        "path": change.where,
        "kind": change.kind,
        "before": change.before,
        "after": change.after,
        "text": change_text(change),
    }


def print_changes(changes: list[JsonObject], file: str, other: str, to: Output = out) -> None:
    for change in changes:
        say(_SIGNS[change["kind"]], f" {change['text']}", to=to)
    kinds = [change["kind"] for change in changes]
    words = (
        ("changed", "changed"),
        ("added", f"only in {file}"),
        ("removed", f"only in {other}"),
    )
    counts = ", ".join(f"{kinds.count(kind)} {word}" for kind, word in words if kind in kinds)
    say((counted(len(changes), "difference"), "bold"), f": {counts}", to=to)


def behaviour_document(changes: Iterable[Change]) -> list[JsonObject]:
    """Return every field that differs, once."""
    return [
        {**aspect._asdict(), "names": [*aspect.names], "text": aspect.text()}
        for aspect in aspects(changes)
    ]


def print_behaviour(behaviour: Iterable[JsonObject], to: Output = out) -> None:
    """Print the last line of a difference: nothing that changes goes unnamed."""
    say(("behaviour", "bold"), f"  {'; '.join(aspect['text'] for aspect in behaviour)}", to=to)


def print_traffic(traffic: JsonObject) -> None:
    rows = [row for row in traffic["routes"] if row["changed"]["share"]]
    rows.sort(key=lambda row: -row["changed"]["share"] * _size(traffic, row))
    number = f"{traffic['requests']:,}"
    what = f"requests of the log ({number})" if traffic["basis"] == "log" else f"{number} requests"
    if traffic["basis"] == "sample":
        what += f" generated for {counted(len(traffic['routes']), 'route')}"
    say()
    if not rows:
        say(("traffic", "bold"), f"  none of the {what} is handled differently")
        return
    say(
        ("traffic", "bold"),
        f"  {_interval(traffic['changed'])} of the {what} are handled differently",
    )
    head = ("REQUESTS OF", "NUMBER", "CHANGED", "ROUTE", "POOL", "VARIANT", "STATUS", "FROM AND TO")
    lines: list[list[Part]] = [[(name, "bold") for name in head], *map(_row, rows[:MAX_ROWS])]
    for line in columns(lines, right=range(1, 7)):
        out.rich.print(line)
    if len(rows) > MAX_ROWS:
        say((f"and {counted(len(rows) - MAX_ROWS, 'route')} more; --json has all", "dim"))
    say(("CHANGED: the share, with its 95% confidence interval", "dim"))
    for example in traffic["examples"]:
        say(("example", "bold"), f"  {_example(example)}")


def _size(traffic: JsonObject, row: JsonObject) -> int:
    """Return the weight for sorting: routes with more requests in the log come first."""
    return int(row["requests"]) if traffic["basis"] == "log" else 1


def _row(row: JsonObject) -> list[Part]:
    flows = [f"{flow['from']} → {flow['to']} {_percent(flow['share'])}" for flow in row["flows"]]
    more = [f"{len(flows) - MAX_FLOWS} more"] if len(flows) > MAX_FLOWS else []
    shares = [_percent(share) if share else "-" for share in row["by"].values()]
    name = row["route"] or "(no route)"
    changed = _interval(row["changed"])
    return [name, f"{row['requests']:,}", changed, *shares, ", ".join(flows[:MAX_FLOWS] + more)]


def _interval(changed: dict[str, float]) -> str:
    low, high = _percent(changed["low"]), _percent(changed["high"])
    return f"{_percent(changed['share'])} ({low[:-1]}-{high})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%" if share >= 0.01 or not share else f"{100 * share:.2g}%"


def _example(example: JsonObject) -> str:
    who = f" {example['client']}" if example["client"] else ""
    part = (
        "" if example["share"] > 0.999 else f", for {_percent(example['share'])} of such requests"
    )
    request = f"{example['method']} {example['url']}{who}"
    return f"{request}: {example['from']} → {example['to']}{part}"


def print_text_difference(before: bytes, after: bytes) -> None:
    old, new = (text.decode("utf-8", "replace").splitlines() for text in (before, after))
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in list(unified_diff(old, new, lineterm=""))[2:]:
        say((line, colours.get(line[0], "")))
