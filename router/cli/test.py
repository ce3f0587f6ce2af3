"""Run the test cases of a policy: requests, and where they are expected to go.

Cases come from FILE.test.yaml beside the policy, or from `--cases`.
"""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from policies.language.compile.compile import compile_policy
from policies.language.findings.findings import path_text
from policies.policy_tests.load import LoadedCases, load_cases
from policies.policy_tests.model import Case
from policies.policy_tests.run import CaseOutcome, Subject
from router.cli.project import env_argument, policy_env
from router.cli.usage import ENV, Example, Usage
from router.terminal.console import counted, err, line_of, print_json, say
from router.terminal.errors import Failed, UsageError
from router.terminal.files import load_valid, print_findings, read_file


class Ran(NamedTuple):
    """A case that was run, with its place in the file and its outcome."""

    file: str
    place: tuple[int, int]
    case: Case
    outcome: CaseOutcome
    places: list[tuple[int, int]]  # of its failures


USAGE = Usage(
    examples=(
        Example("router test routes.yaml", "the cases of routes.test.yaml"),
        Example("router test routes.yaml -k canary", "only cases with this word in their name"),
    ),
    exits={0: "all pass", 1: "one fails, or a file is not valid", 2: "wrong usage, or no cases"},
    variables=(*ENV, "ROUTER_ALLOW_PRIVATE", "ROUTER_KEY_PEPPER"),
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the policy, - for standard input")
    parser.add_argument(
        "--cases",
        metavar="FILE",
        nargs="+",
        help="files with cases (default: routes.test.yaml for routes.yaml)",
    )
    parser.add_argument(
        "-k", metavar="WORD", dest="word", help="run only cases whose name contains WORD"
    )
    parser.add_argument("--json", action="store_true", help="all results as JSON")
    parser.add_argument("--junit", metavar="FILE", type=Path, help="write the results as JUnit XML")
    env_argument(parser)


def run(args: Namespace) -> int:
    env = policy_env(args, args.file)
    files = args.cases or [_beside(args.file, env)]
    if [args.file, *files].count("-") > 1:
        raise UsageError("standard input can be read only once")
    _, policy = load_valid(args.file, env)
    if policy.policy is None:
        return 1
    loaded = {file: load_cases(read_file(file)) for file in files}
    broken = [file for file, cases in loaded.items() if cases.cases is None]
    for file in broken:
        print_findings(file, loaded[file].findings, err)
    if broken:
        found = [asdict(each) for file in broken for each in loaded[file].findings]
        where = ", ".join(broken)
        raise Failed(f"{where} cannot be run", where=where, details={"findings": found})
    pepper = os.environ.get("ROUTER_KEY_PEPPER", "").encode()
    subject = Subject(compile_policy(policy.policy, policy.digest), time.time() * 1000, pepper)
    ran = [
        result for file, found in loaded.items() for result in _run(file, found, subject, args.word)
    ]
    if not ran:
        raise UsageError(f"no case has a name that contains `{args.word}`", where=", ".join(files))
    failed = [result for result in ran if result.outcome.failures]
    if args.junit:
        _write_junit(args.junit, args.file, ran)
    if args.json:
        print_json(_document(policy.digest, ran))
    else:
        _print(args.file, ran, failed)
    return int(bool(failed))


def _beside(policy: str, env: str) -> str:
    """`routes.test.yaml` for `routes.yaml`; an environment's own are in `routes.staging.test.yaml`,
    if that is there."""
    if policy == "-":
        raise UsageError("a policy from standard input has no default cases: give --cases FILE")
    stem, suffix = os.path.splitext(policy)  # os.path takes any name, unlike pathlib
    own = f"{stem}.{env}.test{suffix or '.yaml'}"
    if env and os.path.isfile(own):
        return own
    found = f"{stem}.test{suffix or '.yaml'}"
    if os.path.isfile(policy) and not os.path.exists(found):
        raise UsageError(f"there are no cases for {policy}: write {found}, or give --cases FILE")
    return found


def _run(file: str, loaded: LoadedCases, subject: Subject, word: str | None) -> list[Ran]:
    ran = []
    for index, case in enumerate(loaded.cases.cases if loaded.cases else ()):
        if word is None or word.lower() in case.name.lower():
            outcome = subject.run(case)
            here = ("cases", index)
            places = [loaded.place((*here, *failure.path)) for failure in outcome.failures]
            ran.append(Ran(file, loaded.place(here), case, outcome, places))
    return ran


def _print(policy: str, ran: list[Ran], failed: list[Ran]) -> None:
    for result in ran:
        mark = ("FAIL", "bold red") if result.outcome.failures else ("ok  ", "green")
        say(mark, f"  {result.case.name}")
        for line in _failure_lines(result):
            say(*line)
        steps = (
            result.outcome.explanation["steps"]
            if result.outcome.failures and result.outcome.explanation
            else []
        )
        for step in steps:
            say((f"      {step['step']:<10}  {step['text']}", "dim"))
    passed = len(ran) - len(failed)
    word = ("failed", "red") if failed else ("passed", "green")
    said = f"{counted(passed, 'case')} passed, {len(failed)} failed"
    say(word, f" {policy}: {said if failed else counted(passed, 'case')}")


def _failure_lines(result: Ran) -> Iterable[list[str | tuple[str, str]]]:
    for failure, (line, column) in zip(result.outcome.failures, result.places, strict=True):
        place = f"    {result.file}:{line}:{column}"
        text = f" {path_text(failure.path)}: expected {failure.expected}, came {failure.came}"
        yield [(place, "bold"), text]


def _document(digest: str, ran: list[Ran]) -> dict[str, Any]:
    return {
        "passed": not any(result.outcome.failures for result in ran),
        "digest": digest,
        "cases": [_case_document(result) for result in ran],
    }


def _case_document(result: Ran) -> dict[str, Any]:
    failures = [
        {
            "path": path_text(failure.path),
            "line": line,
            "column": column,
            "expected": failure.expected,
            "came": failure.came,
        }
        for failure, (line, column) in zip(result.outcome.failures, result.places, strict=True)
    ]
    line, column = result.place
    place = {"file": result.file, "line": line, "column": column, "name": result.case.name}
    steps = result.outcome.explanation["steps"] if result.outcome.explanation else []
    return {**place, "passed": not failures, "failures": failures, "steps": steps}


def _write_junit(path: Path, policy: str, ran: list[Ran]) -> None:
    failed = sum(bool(result.outcome.failures) for result in ran)
    numbers = {"tests": str(len(ran)), "failures": str(failed)}
    suite = ElementTree.Element("testsuite", {"name": policy, **numbers})
    for result in ran:
        place = {"file": result.file, "line": str(result.place[0])}
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": policy, "name": result.case.name, **place}
        )
        if result.outcome.failures:
            lines = [line_of(*line).plain for line in _failure_lines(result)]
            failure = ElementTree.SubElement(case, "failure", {"message": lines[0].strip()})
            failure.text = "\n".join(lines)
    try:
        ElementTree.ElementTree(suite).write(path, "utf-8", xml_declaration=True)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
