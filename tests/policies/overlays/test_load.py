"""A policy with its overlay: what is published, and findings at their places in two files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.language.findings.findings import OVERLAY_CODES, FileFinding
from policies.language.load import digest_of, load
from policies.language.tooling.write import document
from policies.language.yaml.budget import MAX_FINDINGS
from policies.language.yaml.composer import OVERLAY
from policies.language.yaml.document import Document, read_document
from policies.overlays.load import NamedText, Overlaid, load_overlaid
from policies.overlays.merge import merged
from tests.policies.overlays.making import VALUES

ROOT = Path(__file__).parents[3]
BASE = """\
version: 1
variants:
  production: {binding: PRODUCTION, pool: production}
  canary: {binding: CANARY, pool: canary}
pools: {canary: {fallback: [production]}}
routes:
  - name: api
    split: {production: 9, canary: 1}
"""


def laid(overlay: str, base: str = BASE) -> Overlaid:
    return load_overlaid(
        NamedText("dir/routes.yaml", base.encode()),
        NamedText("dir/routes.staging.yaml", overlay.encode()),
    )


def told(overlaid: Overlaid) -> list[str]:
    return [
        f"{each.file.removeprefix('dir/')}:{each.line}:{each.column} {each.code} {each.path}"
        for each in overlaid.loaded.findings
        if isinstance(each, FileFinding)
    ]


def test_what_is_published_is_a_policy_of_its_own() -> None:
    both = laid("routes: {api: {split: {canary: 5}}}\nlimits: {body: 1MiB}\n")
    assert both.loaded.policy is not None
    assert both.loaded.digest == digest_of(both.data)
    assert load(both.data).policy == both.loaded.policy
    assert both.data.decode() == (
        "# routes.yaml with routes.staging.yaml: change those, not this text.\n"
        "version: 1\n"
        "\n"
        "variants:\n"
        "  production: { binding: PRODUCTION, pool: production }\n"
        "  canary: { binding: CANARY, pool: canary }\n"
        "pools: { canary: { fallback: [production] } }\n"
        "routes: [{ name: api, split: { production: 9, canary: 5 } }]\n"
        "limits: { body: 1MiB }\n"
    )


def test_an_empty_overlay_is_the_policy() -> None:
    assert laid("{}").loaded.policy == load(BASE.encode()).policy


FINDINGS: dict[str, tuple[str, str, list[str]]] = {
    "in the overlay": (
        "variants:\n  canary: {regoin: eu}\n",
        BASE,
        ["routes.staging.yaml:2:12 unknown-field variants.canary.regoin"],
    ),
    "in the base": (
        "limits: {body: 1MiB}\n",
        BASE.replace("canary: 1}", "canry: 1}"),
        ["routes.yaml:8:28 unknown-pool routes[0].split.canry"],
    ),
    "in both": (
        "variants:\n  new: {binding: NEW}\n",
        BASE.replace("canary: 1}", "canary: -1}"),
        [
            "routes.staging.yaml:2:8 missing-field variants.new.pool",
            "routes.yaml:8:36 bad-weight routes[0].split.canary",
        ],
    ),
    "by what is gone": (
        "variants: {canary: null}\npools: null\n",
        BASE,
        ["routes.yaml:8:28 unknown-pool routes[0].split.canary"],
    ),
    "a warning": (
        "pools: {canary: {fallback: []}}\n",
        BASE,
        ["routes.staging.yaml:1:28 pool-without-fallback pools.canary.fallback"],
    ),
    "broken YAML": ("a: [", BASE, ["routes.staging.yaml:1:5 yaml-syntax $"]),
    "a list": ("- a", BASE, ["routes.staging.yaml:1:1 yaml-not-a-mapping $"]),
    "nothing": ("# to come\n", BASE, ["routes.staging.yaml:1:1 yaml-not-a-mapping $"]),
    "two broken files": (
        "a: [",
        "b: ]",
        ["routes.yaml:1:4 yaml-syntax $", "routes.staging.yaml:1:5 yaml-syntax $"],
    ),
    "a removed field": (
        "default_region: null\n",
        BASE,
        ["routes.staging.yaml:1:1 overlay-removes-nothing default_region"],
    ),
    "a misspelt route": (
        "routes:\n  apis: {first: true}\n",
        BASE,
        ["routes.staging.yaml:2:3 overlay-leads-nowhere routes.apis"],
    ),
    "a renamed route": (
        "routes:\n  api: {name: web}\n",
        BASE,
        ["routes.staging.yaml:2:3 overlay-name routes.api"],
    ),
}


@pytest.mark.parametrize(("overlay", "base", "expected"), FINDINGS.values(), ids=FINDINGS.keys())
def test_findings(overlay: str, base: str, expected: list[str]) -> None:
    found = told(laid(overlay, base))
    assert len(found) == len(expected)
    for line, beginning in zip(sorted(found), sorted(expected), strict=True):
        assert line.startswith(beginning)


def test_every_code_has_a_case() -> None:
    lines = [line for _, _, expected in FINDINGS.values() for line in expected]
    assert set(OVERLAY_CODES) == {
        line.split()[1] for line in lines if line.split()[1].startswith("overlay-")
    }


def test_the_documented_findings_come_out() -> None:
    page = (ROOT / "docs" / "diagnostics.md").read_text(encoding="utf-8")
    [base] = re.findall(r"^```yaml\n(version: 1\n.*?)^```", page, re.MULTILINE | re.DOTALL)[:1]
    for code in OVERLAY_CODES:
        section = page.partition(f"### `{code}`\n")[2]
        overlay, shown = re.findall(r"^```\w+\n(.*?)^```", section, re.MULTILINE | re.DOTALL)[:2]
        both = load_overlaid(
            NamedText("routes.yaml", base.encode()),
            NamedText("routes.staging.yaml", overlay.encode()),
        )
        [finding] = both.loaded.findings
        assert isinstance(finding, FileFinding)
        place = f"{finding.file}:{finding.line}:{finding.column} {finding.severity} {finding.code}"
        assert shown == f"{place} {finding.path}: {finding.message}\n    hint: {finding.hint}\n"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


@given(st.dictionaries(TEXTS.filter(bool), VALUES | TEXTS | st.floats(allow_nan=False)))
def test_what_is_written_is_read_as_the_same(value: dict[str, object]) -> None:
    read = read_document("\n".join([*document(value), ""]).encode(), OVERLAY)
    if value:
        assert isinstance(read, Document)
        assert read.value == value


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_any_bytes_are_valid_or_have_findings(base: bytes, overlay: bytes) -> None:
    both = load_overlaid(NamedText("a", base), NamedText("b", overlay))
    assert bool(both.loaded.findings) == (both.loaded.policy is None)


@pytest.mark.parametrize(
    "entries",
    [
        "".join(f"  other-{n}: null\n" for n in range(3_000)),
        "".join(f"  other-{n}: {{path: /}}\n" for n in range(3_000)),
        "".join(f"  - {{name: other, field-{n}: 1}}\n" for n in range(3_000)),
    ],
    ids=("removed", "changed", "twice"),
)
def test_a_thousand_mistakes_are_told_as_a_hundred(entries: str) -> None:
    """What nobody reads is not kept: mistakes times names would be gigabytes."""
    base = BASE + "".join(f"  - {{name: r{n}, split: {{canary: 1}}}}\n" for n in range(60))
    below, above = (read_document(text.encode()) for text in (base, f"routes:\n{entries}"))
    assert isinstance(below, Document)
    assert isinstance(above, Document)
    both = merged(below, above, ("a", "b"))
    assert len(both.mistakes) == MAX_FINDINGS + 1
    assert len(both.value["routes"]) <= 62  # type: ignore[arg-type]
    findings = [
        each
        for each in laid(f"routes:\n{entries}", base).loaded.findings
        if isinstance(each, FileFinding) and each.file.endswith(".staging.yaml")
    ]
    assert len(findings) == MAX_FINDINGS
    assert findings[-1].message.endswith("(and there are more findings)")
