"""The agent on the real runtime, with an Internet behind it that does everything wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from agent import PRODUCT, __version__
from tests.support.edge.internet import OnTheInternet, on_the_internet

MEGABYTE = 2**20
SECRETS = {"Authorization": "Bearer s", "Cookie": "a=1", "X-Api-Key": "k", "Accept": "a/b"}


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnTheInternet]:
    with on_the_internet(tmp_path_factory.mktemp("internet")) as started:
        yield started


def scrape(net: OnTheInternet, url: str, *extract: str, **more: Any) -> dict[str, Any]:
    wanted = {"extract": list(extract)} if extract else {}
    return net.result("web-scraping", url=url, **wanted, **more)


def test_a_page(net: OnTheInternet) -> None:
    assert scrape(net, "https://shop.example/a") == {
        "url": "https://shop.example/a",
        "status": 200,
        "content_type": "text/html",
        "title": "A & B page",
        "description": 'About "it"',
        "language": "en",
        "canonical": "https://shop.example/canon",
        "headings": [{"level": 1, "text": "Head line"}],
        "text": "Head\nline\nFirst para bold. <tag>\none\ntwo\nNext page again top m johere "
        "drawing",
        "links": [
            {
                "url": "https://shop.example/docs/next?a=1&b=2&copy=3",
                "text": "Next page",
                "rel": "next nofollow",
            },
            {"url": "https://shop.example/docs/", "text": "top", "rel": ""},
            {"url": "https://other.example/x", "text": "o", "rel": ""},
        ],
        "metadata": {"description": 'About "it"', "og:type": "article"},
        "cut": [],
    }


@pytest.mark.parametrize(
    ("host", "title"),
    [
        ("win.example", "Привет"),
        ("sjis.example", "テスト"),
        ("wide.example", "ź"),
        ("unknown.example", "ünknown"),
        ("untyped.example", "untyped"),
        ("broken-html.example", "ok"),
        ("localhost:9000", "named"),
        ("straße.example", "a street"),
    ],
)
def test_titles(net: OnTheInternet, host: str, title: str) -> None:
    assert scrape(net, f"http://{host}/", "title")["title"] == title


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("https://picture.example", 422, "image/png"),
        ("https://liar.example", 422, "no text"),
        ("https://lost.example", 503, "broke off"),
        ("https://loop.example/a", 422, "5 redirects"),
        ("https://status.example/404", 422, "404"),
        ("https://status.example/503", 503, "503"),
        ("https://rebound.example", 422, "not public"),
        ("https://half.example", 422, "not public"),
        ("https://six.example", 422, "not public"),
        ("https://mapped.example", 422, "not public"),
        ("https://nowhere.example", 422, "no host"),
        ("https://broken.example", 503, "looked up"),
        ("http://localhost:9001", 422, "no public host"),
        ("http://169.254.169.254/latest/meta-data/", 422, "no public host"),
    ],
)
def test_what_fails(net: OnTheInternet, url: str, status: int, said: str) -> None:
    answer = net.run("web-scraping", url=url)
    told = answer.json()
    assert (answer.status_code, told["status"]) == (status, "failed")
    assert said in told["error"]
    assert "secret" not in answer.text


def test_robots(net: OnTheInternet) -> None:
    assert scrape(net, "https://robots.example/yes", "title")["title"] == "read"
    refused = net.run("web-scraping", url="https://robots.example/no")
    assert refused.status_code == 422
    assert "https://robots.example/robots.txt asks" in refused.json()["error"]
    ignored = scrape(net, "https://robots.example/no", "title", ignore_robots=True)
    assert ignored["title"] == "read"


def test_redirects_are_followed_to_the_fifth(net: OnTheInternet) -> None:
    told = scrape(net, "https://hops.example/0", "title")
    assert (told["url"], told["title"]) == ("https://hops.example/5", "there")


@pytest.mark.parametrize(
    "target",
    [
        *("http://127.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://[::1]:8080/"),
        *("http://[::ffff:169.254.169.254]/", "http://localhost:9001/", "//localhost/"),
        *("http://db.internal/", "https://rebound.example/", "file:///etc/passwd", "data:,x"),
        *("http://x@a.example/", "http:\\\\127.0.0.1", "http://a.example:22/", "/\\127.0.0.1/"),
    ],
)
def test_redirects_to_private_places(net: OnTheInternet, target: str) -> None:
    answer = net.run("api-calls", url=f"https://to.example/302?{quote(target, safe='')}")
    assert answer.status_code == 422
    assert "https://to.example redirects: " in answer.json()["error"]


def test_secrets_stay_with_their_origin(net: OnTheInternet) -> None:
    def arrived(start: str, target: str) -> dict[str, Any]:
        url = f"https://{start}/307?{quote(target, safe='')}"
        given = {"url": url, "method": "POST", "json": {"a": 1}, "headers": SECRETS}
        told: dict[str, Any] = net.result("api-calls", **given)["json"]
        return told

    other = arrived("to.example", "https://echo.example/")
    assert other["headers"] == {
        "accept": "a/b",
        "content-length": "8",
        "content-type": "application/json",
        "user-agent": f"{PRODUCT}/{__version__}",
    }
    assert (other["method"], json.loads(other["body"])) == ("POST", {"a": 1})
    same = net.result("api-calls", url="https://echo.example/", headers=SECRETS)["json"]
    assert {name.lower(): same["headers"][name.lower()] for name in SECRETS} == {
        name.lower(): value for name, value in SECRETS.items()
    }


def test_a_post_becomes_a_get(net: OnTheInternet) -> None:
    url = f"https://to.example/303?{quote('https://echo.example/', safe='')}"
    told = net.result("api-calls", url=url, method="POST", json={"a": 1})["json"]
    assert (told["method"], told["body"]) == ("GET", "")
    assert "content-type" not in told["headers"]


def test_answers(net: OnTheInternet) -> None:
    assert net.result("api-calls", url="https://json.example")["json"] == {"a": [1]}
    assert net.result("api-calls", url="https://json.example/bad")["text"] == "{"
    assert net.result("api-calls", url="https://deep.example")["text"] == "[" * 200_000
    assert net.result("api-calls", url="https://picture.example")["base64"] == "iVBORw0KGgoAAAA="
    assert net.result("api-calls", url="https://status.example/503")["status"] == 503
    cookies = net.result("api-calls", url="https://cookies.example")["headers"]
    assert (cookies["set-cookie"], cookies["x-many"]) == (["a=1", "b=2"], "1, 2")


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods(net: OnTheInternet, method: str) -> None:
    told = net.result("api-calls", url="https://echo.example", method=method)
    assert method == "HEAD" or told["json"]["method"] == method


def test_bodies_are_read_so_far(net: OnTheInternet) -> None:
    endless = net.result("api-calls", url="https://endless.example")
    assert (len(endless["text"]), endless["cut"]) == (MEGABYTE, True)
    bomb = net.result("api-calls", url="https://bomb.example")
    assert (len(bomb["text"]), bomb["cut"]) == (MEGABYTE, True)
    assert scrape(net, "https://endless.example", "title")["cut"] == ["body"]


def test_time_is_up(net: OnTheInternet) -> None:
    """Side by side: nobody waits for somebody else's slow site."""
    given = [
        {"url": "https://slow.example", "timeout_ms": 300},
        {"url": "https://drip.example", "timeout_ms": 600},
        {"url": "https://slow.example", "timeout_ms": 300, "method": "POST"},
    ]
    with ThreadPoolExecutor() as threads:
        answers = list(threads.map(lambda each: net.run("api-calls", **each), given))
    assert [each.status_code for each in answers] == [503, 503, 422]
    assert all("no whole answer within" in each.json()["error"] for each in answers)
    assert "not repeated" in answers[2].json()["error"]
    assert net.calls()["slow.example"] == 2


@pytest.mark.parametrize(
    ("first", "again"),
    [("", "<"), ("", "<a href=x>"), ("<a ", 'x="')],
)
def test_pages_that_are_made_to_take_for_ever(net: OnTheInternet, first: str, again: str) -> None:
    query = urlencode({"first": "<title>t</title>" + first, "again": again})
    told = scrape(net, f"https://repeat.example/?{query}", "title", "links")
    assert told["title"] == "t"
    assert "body" in told["cut"]


def test_a_name_is_looked_up_once(net: OnTheInternet) -> None:
    before = net.calls().get("dns.example", 0)
    for _ in range(3):
        scrape(net, "https://plain.example/")
    assert net.calls()["dns.example"] - before in (0, 2)
