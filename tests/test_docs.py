"""The documentation says what the code does: codes, fields, schema, examples."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import jsonschema
import pytest

from policies.difference.traffic.log import read_log
from policies.drill_plan.load import load_plan
from policies.gateway.convert import convert
from policies.http.problems import PROBLEMS
from policies.language.findings.findings import CODES
from policies.language.load import load
from policies.language.tooling.schema import schema, schema_text
from policies.language.yaml.document import Document, read_document
from policies.reference.pages import PARTS, Part, part_of
from router.cli.main import main

ROOT = Path(__file__).parents[1]
EXAMPLES = [ROOT / "routes.yaml", *sorted((ROOT / "docs" / "examples").glob("*.yaml"))]


def headings(name: str) -> list[str]:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return re.findall(r"^### `([a-z0-9-]+)`", text, re.MULTILINE)


def test_every_finding_has_a_heading() -> None:
    assert headings("diagnostics.md") == list(CODES)


def test_every_problem_has_a_heading() -> None:
    assert headings("problems.md") == list(PROBLEMS)


def test_the_committed_schema_is_the_models() -> None:
    assert (ROOT / "policies" / "routes.schema.json").read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.page}-{part.name}")
def test_what_is_made_from_the_code_is_current(part: Part) -> None:
    text = (ROOT / "docs" / part.page).read_text(encoding="utf-8")
    assert part_of(text, part) == part.make(), "run `python -m policies.reference`"


def test_the_documented_plan_is_the_example() -> None:
    text = (ROOT / "docs" / "drill-plans.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    example = ROOT / "docs" / "examples" / "drills" / "lose-europe.yaml"
    assert load_plan(shown.encode()).plan == load_plan(example.read_bytes()).plan is not None


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_valid(path: Path) -> None:
    data = path.read_bytes()
    assert load(data).findings == ()
    document = read_document(data)
    assert isinstance(document, Document)
    jsonschema.Draft202012Validator(schema()).validate(document.value)
    assert b"yaml-language-server: $schema=" in data


PAGES = [
    *(
        ROOT / name
        for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "examples/README.md")
    ),
    *sorted((ROOT / "examples").glob("*/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]


def anchors(page: Path) -> set[str]:
    """The names of its headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https:", "http:")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def snippets() -> list[str]:
    found = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        found += re.findall(r"^```yaml\n(version: 1\n.*?)^```", text, re.MULTILINE | re.DOTALL)
    return found


def test_whole_policies_in_the_documentation_are_valid() -> None:
    assert snippets()
    for text in snippets():
        assert load(text.encode()).findings == (), text


def test_the_documented_import_is_what_comes_out() -> None:
    text = (ROOT / "docs" / "gateway-api.md").read_text(encoding="utf-8")
    manifest, policy = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[:2]
    imported = convert([("cluster.yaml", manifest.encode())])
    assert imported.text == policy
    for file, finding in imported.findings:
        place = f"{file}:{finding.line}:{finding.column} {finding.severity} {finding.code}"
        assert f"{place} {finding.path}: {finding.message}\n    hint: {finding.hint}\n" in text


def test_the_documented_workflow_is_what_comes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its cases, and its change of `routes.yaml`, say what the page says they say."""
    digest = re.compile(r"digest [0-9a-f]{12}")  # of the example as it was when this was written
    page = digest.sub("digest", (ROOT / "docs" / "workflow.md").read_text(encoding="utf-8"))
    (cases,) = re.findall(
        r"^```yaml\n(# routes.test.yaml\n.*?)^```", page, re.MULTILINE | re.DOTALL
    )
    before = (ROOT / "routes.yaml").read_text(encoding="utf-8")
    after = before.replace("production: 95", "production: 80").replace(
        "request: 30s", "request: 20s"
    )
    after = after.replace("      canary: 5\n", "      canary: 20\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    for name, text in (("routes", after), ("base", before), ("routes.test", cases)):
        Path(f"{name}.yaml").write_text(text, encoding="utf-8")
    for command, code in (
        ("test routes.yaml -k twenty", 1),
        ("diff routes.yaml base.yaml", 2),
        ("diff base.yaml base.yaml", 0),
    ):
        assert main(command.split()) == code
        told = digest.sub("digest", capsys.readouterr().out)
        assert code == 0 or f"$ router {command}\n{told}```" in page, told
    Path("routes.yaml").write_text(before, encoding="utf-8")
    assert main(["test", "routes.yaml"]) == 0
    assert f"$ router test routes.yaml\n{capsys.readouterr().out}```" in page


def test_the_documented_tour_is_what_comes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its change of `routes.yaml`: with the mistake, without it, and explained."""
    page = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
    text = (ROOT / "routes.yaml").read_text(encoding="utf-8")
    text = text.replace("production: 95", "production: 80").replace("canary: 5\n", "canary: 20\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    Path("routes.yaml").write_text(text.replace("sticky: &", "stiky: &"), encoding="utf-8")
    assert main(["validate", "routes.yaml"]) == 1
    assert f"$ router validate routes.yaml\n{capsys.readouterr().out}$" in page
    Path("routes.yaml").write_text(text, encoding="utf-8")
    assert main(["validate", "routes.yaml"]) == 0
    assert f"$ router validate routes.yaml\n{capsys.readouterr().out}```" in page
    assert f"read back, {len(text.encode()):,} bytes" in page
    (command,) = re.findall(r"^\$ router (explain .*?[^\\])\n", page, re.MULTILINE | re.DOTALL)
    key = command.replace("$KEY", "Authorization: Bearer example-core-key")
    assert main(shlex.split(key.replace("\\\n", " "))) == 0
    assert f"$ router {command}\n{capsys.readouterr().out}```" in page


def test_the_documented_log_can_be_read() -> None:
    page = (ROOT / "docs" / "workflow.md").read_text(encoding="utf-8")
    (log,) = re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    first, second = read_log(log.splitlines())
    assert (first.method, first.client.colo, second.method) == ("POST", "FRA", "GET")
    assert [each.headers["x-worker-id"] for each in (first, second)] == ["w-17", "w-18"]


def test_the_schema_refuses_what_the_loader_refuses() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    validator.check_schema(schema())
    base = {
        "version": 1,
        "variants": {"a": {"binding": "A", "pool": "p"}},
        "routes": [{"name": "r", "split": {"p": 1}}],
    }
    assert validator.is_valid(base)
    for wrong in (
        {**base, "version": 2},
        {**base, "rollouts": {}},
        {**base, "routes": []},
        {**base, "routes": [{"name": "a b", "split": {"p": 1}}]},
        {**base, "routes": [{"name": "r", "split": {"p": "5%"}}]},
        {**base, "routes": [{"name": "r", "split": {"p": 1}, "timeouts": {"request": 5}}]},
        {**base, "routes": [{"name": "r", "split": {"p": 1}, "sticky": ["session"]}]},
    ):
        assert not validator.is_valid(wrong), json.dumps(wrong)
        assert load(json.dumps(wrong).encode()).findings
