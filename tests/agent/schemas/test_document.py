"""The document says what the code does: paths, fields, and what is made of it is not stale."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
import pytest

from agent.callbacks.callback import JobEnd
from agent.callbacks.message import body_of
from agent.core.api import polling, scaling, workers
from agent.core.api.activations import HELD, LISTED, OUTCOME
from agent.core.capabilities import calls, completion, embeddings, python, scraping, text
from agent.core.capabilities.execution import CAPABILITIES
from agent.core.capabilities.sql import database
from agent.core.jobs import activation, shapes
from agent.core.serving.endpoints import ENDPOINTS
from agent.schemas.__main__ import ROOT, files
from agent.schemas.components import jobs
from agent.schemas.components.inputs import INPUTS
from agent.schemas.document import DIALECT, document, document_text, schemas

DOCUMENT = document()
FILES = ("agent/schemas/openapi.json", "docs/agent-api.md")
made = cache(files)
FIELDS = {
    "python-execution": python.FIELDS,
    "text-processing": sorted({name for names in text.FIELDS.values() for name in names}),
    "ai-completion": completion.FIELDS,
    "ai-embeddings": embeddings.FIELDS,
    "database": database.FIELDS,
    "web-scraping": scraping.FIELDS,
    "api-calls": calls.FIELDS,
}


def fields(name: str) -> set[str]:
    """Of a shape, in any of its forms."""
    schema = schemas()[name]
    forms = [name_of(form) for form in alternatives(schema)]
    return {field for form in forms for field in fields(form)} or set(schema["properties"])


def alternatives(schema: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return found


def name_of(reference: dict[str, Any]) -> str:
    return str(reference["$ref"]).removeprefix("#/components/schemas/")


def inside(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict | list):
            yield from inside(each)


def test_all_files_are_looked_at() -> None:
    assert sorted(made()) == sorted(FILES)


@pytest.mark.parametrize("path", FILES)
def test_what_is_committed_is_the_codes(path: str) -> None:
    said = "run `python -m agent.schemas`"
    assert (ROOT / path).read_text(encoding="utf-8") == made()[path], said


def test_every_endpoint_is_there() -> None:
    known = {path: {method.lower() for method in methods} for path, methods in ENDPOINTS.items()}
    assert {path: set(methods) for path, methods in DOCUMENT["paths"].items()} == known


def test_it_is_served_in_one_piece() -> None:
    assert len(document_text().encode()) < 200 * 1024


def test_every_reference_leads_somewhere() -> None:
    found = {each["$ref"] for each in inside(DOCUMENT) if isinstance(each.get("$ref"), str)}
    assert len(found) > 40
    for reference in found:
        place: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    named = {each.rpartition("/")[2] for each in found if "/schemas/" in each}
    assert set(schemas()) == named


def test_every_link_leads_to_an_operation() -> None:
    operations = {each["operationId"] for each in inside(DOCUMENT["paths"]) if "tags" in each}
    linked = {each["operationId"] for each in inside(DOCUMENT["paths"]) if "tags" not in each
              and "operationId" in each}  # fmt: skip
    assert linked
    assert linked <= operations


def test_every_capability_has_its_fields() -> None:
    assert set(INPUTS) == set(FIELDS) == set(CAPABILITIES)
    for capability, known in FIELDS.items():
        assert fields(INPUTS[capability]) == set(known), capability


def test_every_request_has_its_fields() -> None:
    assert fields("Submission") == set(activation.FIELDS)
    assert fields("ActivationData") == set(activation.DATA)
    assert fields("Poll") == set(polling.FIELDS)
    assert fields("Lease") == set(shapes.LEASED.known)
    assert fields("Completion") == {*HELD, *OUTCOME}
    assert fields("Job") == set(shapes.JOB.known)
    sent = [each["$ref"].rpartition("/")[2] for each in schemas()["Execute"]["anyOf"]]
    assert sorted(map(sorted, map(fields, sent))) == sorted(
        sorted(shape.known) for shape in shapes.EXECUTE_SHAPES
    )
    data = [each["$ref"].rpartition("/")[2] for each in jobs.SENT_DATA["anyOf"]]
    assert data.pop() == "CoreActivation"
    assert [fields(name) for name in data] == [
        set(shape.known) for shape in shapes.ACTIVATION_SHAPES
    ]
    assert fields("Registration") == set(workers.FIELDS)
    for path, known in (
        ("/poll", polling.FIELDS),
        ("/activations", LISTED),
        ("/workers", workers.LISTED),
        ("/workers/scale", scaling.FIELDS),
    ):
        told = DOCUMENT["paths"][path]["get"]["parameters"]
        assert [each["name"] for each in told] == list(known)


def test_what_generators_need_is_there() -> None:
    """Every object has a name of its own, and words that are fixed are an `enum`."""
    for name, schema in schemas().items():
        parts = [each for each in inside(schema) if each is not schema]
        assert not [each for each in parts if each.get("type") == "object"], name
        assert not [each for each in inside(schema) if "const" in each], name
    for each in inside(DOCUMENT["paths"]):
        assert each.get("type") != "object"


def test_shapes_that_are_told_apart_say_so() -> None:
    found = [each for each in inside(DOCUMENT) if isinstance(each.get("discriminator"), dict)]
    assert found
    for schema in found:
        told = schema["discriminator"]
        assert list(told["mapping"].values()) == [each["$ref"] for each in schema["oneOf"]]
        for value, place in told["mapping"].items():
            shape = schemas()[name_of({"$ref": place})]
            assert shape["properties"][told["propertyName"]]["enum"] == [value]
            assert told["propertyName"] in shape["required"]


def test_schemas_are_schemas_and_examples_examples() -> None:
    assert DOCUMENT["jsonSchemaDialect"] == DIALECT
    for schema in schemas().values():
        jsonschema.Draft202012Validator.check_schema(schema)
        for each in inside(schema):
            whole = {**each, "components": DOCUMENT["components"]}
            for example in each.get("examples", ()):
                jsonschema.Draft202012Validator(whole).validate(example)


def test_the_guide_has_the_limits_that_no_schema_says() -> None:
    guide = " ".join((ROOT / "docs" / "agent-capabilities.md").read_text(encoding="utf-8").split())
    assert f"{text.MAX_CHUNKS:,} chunks, of {text.MAX_CHUNKED:,} characters" in guide


@pytest.mark.parametrize(
    "outcome",
    [
        JobEnd("completed", 1, "w-1", 0, None, '{"result": [4], "stdout": "a", "warm": true}'),
        JobEnd("completed", 1, "w-1", 0, None, "no JSON"),
        JobEnd("failed", 3, "w-1", 0, "no luck", None),
        JobEnd("cancelled", 0, None, 0, None, None),
    ],
)
def test_what_is_posted_is_an_outcome(outcome: JobEnd) -> None:
    whole = {**schemas()["Outcome"], "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(whole).validate(json.loads(body_of("a-1", outcome)))
