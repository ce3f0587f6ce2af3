"""Gateway API objects for tests, as plain values: small ones, and any that are supported."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

GROUP = "gateway.networking.k8s.io"
HOSTS = ("a.test", "b.a.test", "*.a.test", "*.b.a.test", "*.test", "c.d.test")
PATHS = ("/", "/a", "/a/", "/a/b", "/a/b/c", "/b", "/A")
# Patterns with the whole segments of their literal beginning, by which the router ranks them.
PATTERNS = {"/a/[a-c]+": "/a", "/a/b/.*": "/a/b", "/.*": "", "/b(/x)?": "", "/a/b|/b/a": ""}
EVERY = ("",)  # the hosts of Gateways that are not given
SERVICES = ("one", "two", "three")

Object = dict[str, Any]


def text(*objects: Object) -> bytes:
    """Manifests as YAML (JSON is YAML), one document each."""
    return "\n---\n".join(json.dumps(each) for each in objects).encode()


def route(name: str, rules: list[Object], namespace: str = "default", **spec: Any) -> Object:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"parentRefs": [{"name": "edge", "namespace": "infra"}], **spec, "rules": rules},
    }


def gateway(listeners: list[Object], name: str = "edge", namespace: str = "infra") -> Object:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"gatewayClassName": "any", "listeners": listeners},
    }


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Object]:
    """A mapping with some of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


def lists(each: st.SearchStrategy[Any], least: int = 0, most: int = 3) -> Any:
    return st.lists(each, min_size=least, max_size=most)


VALUE_MATCHES = st.one_of(
    st.fixed_dictionaries(
        {"name": st.sampled_from(("x-a", "X-B")), "value": st.sampled_from("12")},
        optional={"type": st.just("Exact")},
    ),
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(("x-a", "X-B")),
            "type": st.just("RegularExpression"),
            "value": st.sampled_from(("[0-9]", "1|3")),
        }
    ),
)
UNIQUE = st.lists(VALUE_MATCHES, max_size=2, unique_by=lambda each: each["name"])
PATH_MATCHES = st.one_of(
    st.fixed_dictionaries(
        {"value": st.sampled_from(PATHS)},
        optional={"type": st.sampled_from(("Exact", "PathPrefix"))},
    ),
    st.fixed_dictionaries(
        {"type": st.just("RegularExpression"), "value": st.sampled_from([*PATTERNS])}
    ),
)
MATCHES = some(
    path=PATH_MATCHES,
    headers=UNIQUE,
    queryParams=UNIQUE,
    method=st.sampled_from(("GET", "POST")),
)
BACKENDS = st.fixed_dictionaries(
    {"name": st.sampled_from(SERVICES), "port": st.sampled_from((80, 8080))},
    optional={"weight": st.integers(0, 3)},
)
PLAIN_RULES = some(matches=lists(MATCHES), backendRefs=lists(BACKENDS))
TIMES = st.none() | st.sampled_from(("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+02:00"))


@st.composite
def routes(draw: st.DrawFn, rules: st.SearchStrategy[Object], sections: int = 0) -> list[Object]:
    """Up to four routes; with `sections` they attach to some of so many listeners."""
    names = draw(st.lists(st.sampled_from("pqrs"), min_size=1, max_size=4, unique=True))
    made = []
    for name in names:
        spec: Object = {"hostnames": draw(lists(st.sampled_from(HOSTS)))}
        if sections and draw(st.booleans()):
            chosen = draw(st.lists(st.integers(0, sections - 1), min_size=1, unique=True))
            spec["parentRefs"] = [
                {"name": "edge", "namespace": "infra", "sectionName": f"l{each}"} for each in chosen
            ]
        space = draw(st.sampled_from(("default", "x", "z")))
        each = route(name, draw(lists(rules, 1)), space, **spec)
        each["metadata"]["creationTimestamp"] = draw(TIMES)
        made.append(each)
    return made


@st.composite
def clusters(draw: st.DrawFn) -> list[Object]:
    """Routes, and perhaps a Gateway with listeners of one port."""
    if draw(st.booleans()):
        return draw(routes(PLAIN_RULES))
    hosts = draw(st.lists(st.sampled_from((None, *HOSTS)), min_size=1, max_size=4, unique=True))
    listeners = [
        {
            "name": f"l{number}",
            "port": 80,
            "protocol": "HTTP",
            "hostname": host,
            "allowedRoutes": {
                "namespaces": {"from": draw(st.sampled_from(("All", "All", "Same")))}
            },
        }
        for number, host in enumerate(hosts)
    ]
    return [gateway(listeners), *draw(routes(PLAIN_RULES, len(hosts)))]


REQUESTS = st.fixed_dictionaries(
    {
        "host": st.sampled_from(("a.test", "b.a.test", "x.b.a.test", "x.a.test", "c.d.test", "t")),
        "path": st.sampled_from((*PATHS, "/a/b/", "/ab", "/b/x", "/a/c", "/b/a")),
        "method": st.sampled_from(("GET", "POST", "PUT")),
        "headers": st.dictionaries(st.sampled_from(("x-a", "x-b")), st.sampled_from("123")),
        "query": st.dictionaries(st.sampled_from(("x-a", "X-B")), st.sampled_from("123")),
    }
)


# What is supported besides matching: filters, timeouts, sessions.
TOKENS = st.sampled_from(("x-one", "X-Two", "x-three", "x-four"))
VALUES = st.sampled_from(("", "1", "a, b", "é", "with  spaces", '"quoted"', "#", "{a: b}"))
HEADERS = st.fixed_dictionaries({"name": TOKENS, "value": VALUES})
PRECISE = st.sampled_from(("www.test", "x.y.test"))


@st.composite
def modifiers(draw: st.DrawFn) -> Object:
    """One action for a name, as the API wants it."""
    names = draw(st.lists(TOKENS, min_size=1, unique_by=str.lower))
    changes: Object = {}
    for name in names:
        kind = draw(st.sampled_from(("set", "add", "remove")))
        entry = name if kind == "remove" else {"name": name, "value": draw(VALUES)}
        changes.setdefault(kind, []).append(entry)
    return changes


NEW_PATHS = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("ReplaceFullPath"), "replaceFullPath": st.sampled_from(("/", "/x/y"))}
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("ReplacePrefixMatch"),
            "replacePrefixMatch": st.sampled_from(("", "/", "/x", "/x/")),
        }
    ),
)
REDIRECTS = some(
    scheme=st.sampled_from(("http", "https")),
    hostname=PRECISE,
    path=NEW_PATHS,
    port=st.integers(1, 65535),
    statusCode=st.sampled_from((301, 302, 303, 307, 308)),
).filter(lambda redirect: set(redirect) - {"statusCode"})
REFERENCES = st.fixed_dictionaries({"name": st.sampled_from(SERVICES), "port": st.just(80)})
MIRRORS = st.one_of(
    st.fixed_dictionaries({"backendRef": REFERENCES}, optional={"percent": st.integers(0, 100)}),
    st.fixed_dictionaries(
        {
            "backendRef": REFERENCES,
            "fraction": st.fixed_dictionaries(
                {"numerator": st.integers(0, 5)}, optional={"denominator": st.integers(5, 1000)}
            ),
        }
    ),
)
CORS = st.fixed_dictionaries(
    {
        "allowOrigins": st.sampled_from(
            (["*"], ["https://a.test", "http://b.test:8080"], ["https://*.a.test"])
        )
    },
    optional={
        "allowMethods": st.sampled_from((["*"], ["GET", "PUT"])),
        "allowHeaders": st.sampled_from((["*"], ["x-one"])),
        "exposeHeaders": st.just(["x-two"]),
        "allowCredentials": st.booleans(),
        "maxAge": st.integers(1, 100_000),
    },
)


def filter_of(kind: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Object]:
    field = {"CORS": "cors", "URLRewrite": "urlRewrite"}.get(kind, kind[0].lower() + kind[1:])
    return st.fixed_dictionaries({"type": st.just(kind), field: values})


ON_THE_WAY = (
    filter_of("RequestHeaderModifier", modifiers()),
    filter_of("ResponseHeaderModifier", modifiers()),
    filter_of("URLRewrite", some(hostname=PRECISE, path=NEW_PATHS).filter(bool)),
    filter_of("RequestMirror", MIRRORS),
)


def unlike(filters: list[Object]) -> bool:
    kinds = [each["type"] for each in filters if each["type"] != "RequestMirror"]
    return len(kinds) == len(set(kinds))


FILTERS = st.lists(st.one_of(*ON_THE_WAY, filter_of("CORS", CORS)), max_size=4).filter(unlike)
DURATIONS = st.sampled_from(("0s", "10s", "1m30s", "500ms", "1h"))


@st.composite
def rich_rules(draw: st.DrawFn) -> Object:
    """Any rule that is supported as a whole."""
    rule: Object = {"matches": [{"path": {"value": draw(st.sampled_from(PATHS))}}]}
    if draw(st.booleans()):
        rule["matches"][0] |= draw(some(headers=UNIQUE, queryParams=UNIQUE))
    if draw(st.integers(0, 3)) == 0:
        return rule | {"filters": [draw(filter_of("RequestRedirect", REDIRECTS))]}
    own = st.lists(st.one_of(*ON_THE_WAY), max_size=2).filter(unlike)
    weight = st.integers(1, 1_000_000)
    backend = st.fixed_dictionaries(
        {"name": st.sampled_from(SERVICES), "port": st.just(80)},
        optional={"weight": weight, "filters": own},
    )
    rule |= {"filters": draw(FILTERS), "backendRefs": draw(lists(backend, 1))}
    if draw(st.booleans()):
        rule["timeouts"] = draw(
            st.sampled_from(({"request": "10s", "backendRequest": "10s"}, {"request": "0s"}))
            | some(request=DURATIONS)
            | some(backendRequest=DURATIONS)
        )
    if draw(st.booleans()):
        rule["sessionPersistence"] = {
            "sessionName": "side",
            "absoluteTimeout": "1h",
            "cookieConfig": {"lifetimeType": "Permanent"},
        }
    if draw(st.booleans()):
        rule["name"] = draw(st.sampled_from(("a", "b.c", "9")))
    return rule
