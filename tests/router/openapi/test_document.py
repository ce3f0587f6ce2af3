"""The OpenAPI document of `/.router/*`: it is current, it is one, and it leaves nothing out."""

from __future__ import annotations

import ast
import json
import re
from functools import cache

import jsonschema
import pytest

from policies.rollouts.actions import ACTIONS as COMMANDS
from router.api.client import PAGES
from router.dev.layout import find_root
from router.edge.admin.limits import ACTIONS
from router.openapi.__main__ import ROOT, files
from router.openapi.document import document
from router.openapi.operations import OPERATIONS, REFUSED, SOME

FILES = ("docs/router-api.md", "router/openapi/openapi.json")
made = cache(files)
whole = cache(document)


def test_all_files_are_looked_at() -> None:
    assert sorted(made()) == sorted(FILES)


@pytest.mark.parametrize("path", FILES)
def test_what_is_made_from_the_types_is_current(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert text == made()[path], "run `python -m router.openapi`"


def test_shapes_are_schemas_and_all_are_used() -> None:
    text, shapes = json.dumps(whole()), whole()["components"]["schemas"]
    for name, shape in shapes.items():
        jsonschema.Draft202012Validator.check_schema(shape)
        assert f'"#/components/schemas/{name}"' in text
    named = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert named == shapes.keys()


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
        given = whole()["paths"][f"/.router/{template}"]["get"]["responses"]["200"]
        name = given["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert told in whole()["components"]["schemas"][name]["required"]


def test_the_commands_of_a_rollout_are_those_that_there_are() -> None:
    assert set(ACTIONS) == {"start", *COMMANDS}
