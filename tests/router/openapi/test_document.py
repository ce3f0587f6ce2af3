"""The OpenAPI document of `/.router/*`: it is current, it is one, and it leaves nothing out."""

from __future__ import annotations

import ast
import json
import re

import jsonschema
import pytest

from policies.rollouts.actions import ACTIONS as COMMANDS
from router.api.client import PAGES
from router.dev.layout import find_root
from router.edge.admin.limits import ACTIONS
from router.openapi.__main__ import ROOT, files
from router.openapi.document import document
from router.openapi.operations import OPERATIONS, REFUSED, SOME

DOCUMENT = document()
SHAPES = DOCUMENT["components"]["schemas"]


@pytest.mark.parametrize(("path", "made"), files().items(), ids=lambda value: value[:30])
def test_what_is_made_from_the_types_is_current(path: str, made: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == made, "run `python -m router.openapi`"


def test_shapes_are_schemas_and_all_are_used() -> None:
    text = json.dumps(DOCUMENT)
    for name, shape in SHAPES.items():
        jsonschema.Draft202012Validator.check_schema(shape)
        assert f'"#/components/schemas/{name}"' in text
    named = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert named == SHAPES.keys()


def test_operations_have_names_of_their_own() -> None:
    assert len({each.id for each in OPERATIONS}) == len(OPERATIONS)
    assert all(status in SOME for each in OPERATIONS for status, _ in each.refuses)
    assert not REFUSED.keys() & SOME.keys()


def test_every_page_is_in_it() -> None:
    """The pages stand in a table of `admin.py`, which only the runtime can import."""
    text = (find_root() / "router/edge/admin/admin.py").read_text(encoding="utf-8")
    tables = [node for node in ast.parse(text).body if isinstance(node, ast.AnnAssign)]
    [pages] = [node.value for node in tables if ast.unparse(node.target) == "_PAGES"]
    assert isinstance(pages, ast.Dict)
    found = {ast.literal_eval(key) for key in pages.keys if key}
    known = {each.path for each in OPERATIONS if each.method == "GET"}
    own = {"/health", "/rollouts", "/rollouts/{name}", "/rollouts/{name}/history"}
    assert found | own == known


def test_what_the_commands_ask_is_in_it() -> None:
    for page, told in PAGES:
        template = page.replace("rollouts/*", "rollouts/{name}")
        given = DOCUMENT["paths"][f"/.router/{template}"]["get"]["responses"]["200"]
        name = given["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert told in SHAPES[name]["required"]


def test_the_commands_of_a_rollout_are_those_that_there_are() -> None:
    assert set(ACTIONS) == {"start", *COMMANDS}
