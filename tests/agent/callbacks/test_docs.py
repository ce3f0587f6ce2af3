"""docs/agent.md says of callbacks what the code does."""

from __future__ import annotations

import json
import re

from agent.callbacks import callback, delivery, signing, verdict
from agent.callbacks.callback import MAX_ATTEMPTS
from agent.callbacks.message import request
from agent.callbacks.signing import Signer
from tests.agent.callbacks.making import NOW, SECRET, due
from tests.agent.callbacks.receiving import EXAMPLES, SECTION, is_ours
from tests.agent.pages import cells, spaced

SPACED = spaced(SECTION)
HOUR = 3_600_000


def test_the_request_that_is_shown() -> None:
    shown = re.search(r"```\n(POST .*?)\n\n(\{.*?\})\n```", SECTION, re.DOTALL)
    assert shown
    made = request(due(), "https://hooks.example/", Signer.of(SECRET), NOW)
    lines = [line.partition(": ") for line in shown[1].splitlines()[1:]]
    assert [name for name, _, _ in lines] == list(made.headers)
    example, body = json.loads(shown[2]), json.loads(made.body)
    assert list(example) == list(body)
    values = {name: value for name, _, value in lines}
    assert values["user-agent"] == made.headers["user-agent"]
    assert len(values["webhook-id"]) == len(made.headers["webhook-id"])
    for name in ("activation_id", "status", "worker_id", "attempt", "completed_at", "result"):
        assert cells(SECTION, f"`{name}`")


def test_the_secret_of_a_tenant() -> None:
    known = {"CALLBACK_SECRET": SECRET}
    exec(EXAMPLES[1], known)
    signed = Signer.of(SECRET).signatures("key-of-acme", "msg_1", 7, b"{}")
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "7", "webhook-signature": signed}
    assert is_ours(known["given"], headers, b"{}", 10**10)
    assert f"{signing.LEAST} to {signing.MOST} random bytes in base64" in SPACED


def test_limits() -> None:
    waits = [[verdict.RETRIES.wait_ms(n, j) for n in range(1, MAX_ATTEMPTS)] for j in (0, 0.5, 1)]
    least, mean, most = waits
    assert cells(SECTION, "attempts").startswith(f"{MAX_ATTEMPTS}, ")
    assert (
        cells(SECTION, "wait after the first failure")
        == f"{least[0] // 1000} to {most[0] // 1000} s"
    )
    assert cells(SECTION, "at most") == f"{least[-1] // HOUR} to {most[-1] // HOUR} h"
    whole, half, average = (round(sum(each) / HOUR) for each in (most, least, mean))
    assert cells(SECTION, "in all") == f"{half} to {whole} h, {average} on average"
    assert cells(SECTION, "`Retry-After`, in seconds or as a date").endswith(
        f"up to {verdict.MAX_RETRY_AFTER_MS // HOUR} h"
    )
    assert cells(SECTION, "`callback_url`").startswith(f"{callback.MAX_URL:,} characters")
    assert cells(SECTION, "sent at once") == str(delivery.AT_ONCE)
    assert cells(SECTION, "lease of the sender").startswith(f"{delivery.LEASE_MS // 1000} s")
    assert f"none within {delivery.SEND_WITHIN_MS // 1000} s" in SPACED
