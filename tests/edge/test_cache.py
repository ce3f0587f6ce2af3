"""The cache on the wire: who gets what is kept, and what is never kept."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.support.edge.router import POLICY, Edge, start_edge


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """In place of the one that all tests share: this one has wrangler's cache."""
    started = start_edge(tmp_path_factory.mktemp("cache"), POLICY)
    yield started
    started.client.close()
    started.server.stop()


def ask(edge: Edge, path: str, host: str = "cache.test", **more: Any) -> httpx.Response:
    return edge.get(path, host=host, **more)


def new_path(query: str = "") -> str:
    return f"/fresh/{uuid.uuid4().hex}?{query}"


def told(answer: httpx.Response) -> str | None:
    return answer.headers.get("x-cache")


def filled(edge: Edge, path: str, **more: Any) -> httpx.Response:
    """The first answer, when it is surely kept."""
    first = ask(edge, path, **more)
    assert told(first) == "MISS"
    for _ in range(100):
        if told(ask(edge, path, **more)) != "MISS":
            return first
        time.sleep(0.02)
        first = ask(edge, path, **more)
    raise AssertionError("never kept")


def never_kept(edge: Edge, path: str, **more: Any) -> None:
    bodies = set()
    for _ in range(4):
        answer = ask(edge, path, **more)
        assert told(answer) in ("MISS", None)
        bodies.add(answer.content)
        time.sleep(0.05)
    assert len(bodies) == 4 or bodies == {b""}


def test_an_answer_is_given_again(edge: Edge) -> None:
    path = new_path("h=x-own:1&h=etag:%22a%22&h=content-type:text/plain&h=x-router-evil:1")
    filled(edge, path)
    first, second = ask(edge, path), ask(edge, path)
    assert (told(second), second.status_code, second.text) == ("HIT", 200, first.text)
    assert (second.headers["x-own"], second.headers["content-type"]) == ("1", "text/plain")
    assert 0 <= int(second.headers["age"]) < 60
    assert second.headers["x-router-variant"] == "backend"
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert "x-router-kept" not in second.headers
    assert "x-router-evil" not in second.headers
    assert "cache-control" not in second.headers


def test_head_is_answered_from_get(edge: Edge) -> None:
    path = new_path("h=x-own:1")
    asked = edge.send("HEAD", path, host="cache.test")
    assert told(asked) == "MISS"
    assert told(ask(edge, path)) == "MISS"  # a HEAD keeps nothing
    for _ in range(100):
        if told(ask(edge, path)) == "HIT":
            break
        time.sleep(0.02)
    head = edge.send("HEAD", path, host="cache.test")
    assert (told(head), head.status_code, head.content) == ("HIT", 200, b"")
    assert head.headers["x-own"] == "1"


def test_head_tells_the_length_of_what_is_kept(edge: Edge) -> None:
    """14.15"""
    path = new_path()
    body = filled(edge, path).content
    head = edge.send("HEAD", path, host="cache.test")
    assert (told(head), head.headers["content-length"]) == ("HIT", str(len(body)))
    assert "content-length" not in ask(edge, path, headers={"if-none-match": "*"}).headers


def test_a_strict_pool_keeps_regions_apart(edge: Edge) -> None:
    """14.1"""
    path = f"/fresh/{uuid.uuid4().hex}"
    bodies = {}
    for continent, variant in (("EU", "confined-eu"), ("NA", "confined-us"), ("AS", "confined-ap")):
        cf = {"continent": continent}
        bodies[variant] = filled(edge, path, host="confined.test", cf=cf).text
        answer = ask(edge, path, host="confined.test", cf=cf)
        assert (told(answer), answer.headers["x-router-variant"]) == ("HIT", variant)
        assert answer.text == bodies[variant]
    assert len(set(bodies.values())) == 3


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_a_change_voids_what_is_kept_of_its_url(edge: Edge, method: str) -> None:
    """14.8: in all its variants, and only of that URL."""
    path, other = new_path(), new_path()
    german, english = ({"accept-language": each} for each in ("de", "en"))
    for headers in (german, english):
        filled(edge, path, headers=headers)
    kept = filled(edge, other).text
    assert edge.send(method, path, host="cache.test").status_code == 200
    for headers in (german, english):
        assert told(ask(edge, path, headers=headers)) == "MISS"
    assert ask(edge, other).text == kept
    for _ in range(100):  # what is asked for afterwards is kept
        answer = ask(edge, path, headers=german)
        if told(answer) == "HIT":
            break
        time.sleep(0.02)
    assert told(answer) == "HIT"


def test_a_change_voids_what_its_answer_names(edge: Edge) -> None:
    """14.8"""
    named, other = new_path("a=1"), new_path("a=1")
    for path in (named, other):
        filled(edge, path)
    made = f"{new_path()}h=location:{quote(named)}&status=201"
    assert edge.send("POST", made, host="cache.test").status_code == 201
    assert told(ask(edge, named)) == "MISS"
    assert told(ask(edge, other)) == "HIT"


def test_a_change_that_fails_voids_nothing(edge: Edge) -> None:
    """14.8"""
    path = f"/once/{uuid.uuid4().hex}"
    assert told(ask(edge, path)) == "MISS"
    for _ in range(100):
        if told(ask(edge, path)) == "HIT":
            break
        time.sleep(0.02)
    assert edge.send("PUT", path, host="cache.test").status_code == 500
    assert told(ask(edge, path)) == "HIT"


def test_conditions_are_met_from_the_cache(edge: Edge) -> None:
    path = new_path("h=etag:W/%22a%22&h=last-modified:Tue, 03 Nov 2026 10:00:00 GMT")
    filled(edge, path)
    for headers, status in (
        ({"if-none-match": '"x", "a"'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"b"', "if-modified-since": "Tue, 03 Nov 2026 10:00:00 GMT"}, 200),
        ({"if-modified-since": "Tue, 03 Nov 2026 10:00:00 GMT"}, 304),
        ({"if-modified-since": "Tue, 03 Nov 2026 09:59:59 GMT"}, 200),
        ({"if-modified-since": "yesterday"}, 200),
    ):
        answer = ask(edge, path, headers=headers)
        assert (told(answer), answer.status_code) == ("HIT", status), headers
        assert bool(answer.content) is (status == 200)
        assert answer.headers["etag"] == 'W/"a"'


def test_other_queries_hosts_and_listed_headers_are_other_answers(edge: Edge) -> None:
    path = new_path("a=1")
    first = filled(edge, path, headers={"accept-language": "de"})
    for other, headers in (
        (path + "&b=2", {"accept-language": "de"}),
        (path, {"accept-language": "en"}),
        (path, {}),
    ):
        answer = ask(edge, other, headers=headers)
        assert (told(answer), answer.text == first.text) == ("MISS", False)
    same = ask(edge, path, headers={"accept-language": "de", "user-agent": "another"})
    assert told(same) == "HIT"


@pytest.mark.parametrize(
    "query",
    [
        "h=cache-control:no-store",
        "h=cache-control:max-age=60, Private",
        "h=cache-control:no-cache",
        "h=cache-control:max-age=0",
        'h=cache-control:private="x"',
        "h=expires:0",
        "h=expires:Tue, 03 Nov 2020 10:00:00 GMT",  # 14.4
        "h=cdn-cache-control:no-store",  # 14.9
        "h=cloudflare-cdn-cache-control:no-store",
        "h=surrogate-control:no-store",
        "h=cdn-cache-control:private&h=cache-control:max-age=60",
        "h=set-cookie:a=1",
        "h=vary:*",
        "h=vary:accept-language, cookie",
        "h=content-type:text/event-stream",
        "h=cache-control:max-age=60&h=age:60",
        "status=201",
        "status=404",
        "status=500",
    ],
)
def test_what_is_never_kept(edge: Edge, query: str) -> None:
    never_kept(edge, new_path(query))


@pytest.mark.parametrize(
    "query",
    [
        "h=vary:Accept-Language",
        "h=cache-control:public, max-age=9",
        "h=cache-control:max-age=999999999999",  # 14.4
        "h=cdn-cache-control:max-age=60&h=cache-control:no-store",  # 14.9
    ],
)
def test_what_is_kept(edge: Edge, query: str) -> None:
    filled(edge, new_path(query))


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer x"},
        {"cookie": "a=1"},
        {"x-api-key": "x"},
        {"range": "bytes=0-1"},
        {"x-api-key": ""},
    ],
)
def test_requests_that_the_cache_is_not_for(edge: Edge, headers: dict[str, str]) -> None:
    path = new_path()
    kept = filled(edge, path)
    answer = ask(edge, path, headers=headers)
    assert (told(answer), answer.text == kept.text) == (None, False)


def test_other_methods_go_to_the_variant(edge: Edge) -> None:
    path = new_path()
    kept = filled(edge, path)
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = edge.send(method, path, host="cache.test")
        assert (told(answer), answer.text == kept.text) == (None, False)


def test_a_get_with_a_body_is_not_for_the_cache(edge: Edge) -> None:
    path = new_path()
    filled(edge, path)
    assert told(edge.send("GET", path, host="cache.test", content=b"x")) is None


def test_credentials_that_are_part_of_the_key(edge: Edge) -> None:
    path = new_path()
    ann, bob = ({"authorization": f"Bearer {name}"} for name in ("ann", "bob"))
    first = filled(edge, path, host="keyed.test", headers=ann)
    assert ask(edge, path, host="keyed.test", headers=ann).text == first.text
    assert told(ask(edge, path, host="keyed.test", headers=bob)) == "MISS"
    assert told(ask(edge, path, host="keyed.test")) == "MISS"
    assert told(ask(edge, path, host="keyed.test", headers={"cookie": "a"})) == "MISS"
    assert told(ask(edge, path, host="keyed.test", headers={"x-api-key": "a"})) is None


def test_a_canarys_answers_are_its_own(edge: Edge) -> None:
    path = f"/{uuid.uuid4().hex}"
    sides = {}
    for user in (f"user-{number}" for number in range(12)):
        for _ in range(100):
            answer = ask(edge, path, host="cached-halves.test", headers={"x-user": user})
            assert answer.json()["variant"] == answer.headers["x-router-variant"]
            if told(answer) == "HIT":
                break
            time.sleep(0.02)
        assert told(answer) == "HIT"
        sides[answer.json()["variant"]] = answer.json()["headers"]["x-user"]
    assert set(sides) == {"one", "canary"}


def test_cors_is_made_anew_for_each_origin(edge: Edge) -> None:
    path = f"/fresh/cors/{uuid.uuid4().hex}"
    first = filled(edge, path, headers={"origin": "https://a.test"})
    assert first.headers["access-control-allow-origin"] == "https://a.test"
    second = ask(edge, path, headers={"origin": "https://b.test"})
    assert (told(second), second.text) == ("HIT", ask(edge, path).text)
    assert second.headers["access-control-allow-origin"] == "https://b.test"
    assert (second.headers["vary"], second.headers["x-filtered"]) == ("Origin", "1")
    third = ask(edge, path, headers={"origin": "https://c.test"})
    assert told(third) == "HIT"
    assert "access-control-allow-origin" not in third.headers


def test_it_ends(edge: Edge) -> None:
    path = new_path()
    first = filled(edge, path, host="short.test")
    time.sleep(1.1)
    answer = ask(edge, path, host="short.test")
    assert (told(answer), answer.text == first.text) == ("MISS", False)


def test_stale_while_revalidate(edge: Edge) -> None:
    path = new_path("h=x-own:1")
    filled(edge, path, host="stale.test")
    kept = ask(edge, path, host="stale.test").text
    time.sleep(1.1)
    stale = ask(edge, path, host="stale.test")
    assert (told(stale), stale.text) == ("STALE", kept)
    assert int(stale.headers["age"]) >= 1
    for _ in range(100):
        answer = ask(edge, path, host="stale.test")
        if answer.text != kept:
            break
        time.sleep(0.02)
    assert (answer.text != kept, answer.headers["x-own"]) == (True, "1")
    assert told(answer) == "HIT"


def test_a_refresh_that_fails_counts_against_the_variant(edge: Edge) -> None:
    def failures() -> int:
        variants = edge.own("health/variants?local=1").json()["variants"]
        return next(int(each["failures"]) for each in variants if each["name"] == "backend")

    path = f"/once/{uuid.uuid4().hex}"
    filled(edge, path, host="stale.test")
    before = failures()
    time.sleep(1.1)
    assert told(ask(edge, path, host="stale.test")) == "STALE"
    for _ in range(100):
        if failures() > before:
            break
        time.sleep(0.02)
    assert failures() > before


def test_a_stream_is_not_kept_and_not_held_up(edge: Edge) -> None:
    for _ in range(2):
        request = edge.client.build_request("GET", "/events/3", headers={"host": "cache.test"})
        answer = edge.client.send(request, stream=True)
        assert told(answer) == "MISS"
        pieces = list(answer.iter_raw())
        answer.close()
        assert len(pieces) >= 2


def test_what_breaks_off_is_not_kept(edge: Edge) -> None:
    for _ in range(3):
        headers = {"host": "cache.test"}
        with (
            contextlib.suppress(httpx.HTTPError),
            edge.client.stream("GET", "/broken", headers=headers) as answer,
        ):
            assert told(answer) in ("MISS", None)  # None: an error of the dev server's own
            answer.read()
        time.sleep(0.1)


def test_large_answers_pass_and_are_not_kept(edge: Edge) -> None:
    size = 5 * 1024 * 1024
    for _ in range(2):
        answer = ask(edge, f"/bytes/{size}")
        assert (told(answer), len(answer.content)) == ("MISS", size)
        time.sleep(0.1)


def test_packed_answers_stay_whole(edge: Edge) -> None:
    headers = {"accept-encoding": "gzip"}
    for _ in range(100):
        if told(ask(edge, "/gzip", headers=headers)) == "HIT":
            break
        time.sleep(0.02)
    for headers in ({"accept-encoding": "gzip"}, {"accept-encoding": "identity"}, {}):
        answer = ask(edge, "/gzip", headers=headers)
        assert (told(answer), answer.text) == ("HIT", "squeezed " * 100)


def test_look_ups_are_counted(edge: Edge) -> None:
    filled(edge, new_path())
    text = edge.own("metrics").text
    assert 'router_cached_total{route="x-cache",state="HIT"' in text


def test_nobody_can_ask_for_an_entry_itself(edge: Edge) -> None:
    assert ask(edge, "/.router/cache/0000").status_code == 401
