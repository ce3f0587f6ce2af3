"""The vectors of the tests, as requests."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.support.edge.workerd import Running
from tests.support.vectors import VECTORS

# Nobody can be made to fail for one request alone.
SENT = [vector for vector in VECTORS if "down" not in vector]


def sent(router: Running, vector: dict[str, Any]) -> httpx.Response:
    url = urlsplit(vector["url"])
    cf = {key: vector[key] for key in ("colo", "country", "continent") if key in vector}
    headers = {"host": url.netloc, **vector.get("headers", {})}
    headers |= {"MF-CF-Blob": json.dumps(cf), "MF-Scheme": url.scheme}
    if "ip" in vector:
        headers["cf-connecting-ip"] = vector["ip"]
    target = router.url + vector["url"].partition(url.netloc)[2]
    length = int(headers.pop("content-length", "0"))
    method = vector.get("method", "GET")
    with httpx.Client(timeout=30) as client:
        return client.request(method, target, headers=headers, content=b"x" * length)
