"""Signatures: known ones, and as a receiver verifies them."""

from __future__ import annotations

import hmac
import time
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.callbacks.signing import NOT_A_SECRET, Signer, secret_of_tenant
from tests.agent.callbacks.receiving import is_ours
from tests.support.examples import examples

# Known by those who implement the specification.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = "whsec_" + b64encode(bytes(range(64))).decode()


def test_the_known_signature() -> None:
    of_tenant, of_all = Signer.of(SECRET).signatures("acme", ID, AT, BODY).split(" ")
    assert of_all == SIGNATURE
    key = hmac.digest(b64decode(SECRET[6:]), b"callbacks of acme", "sha256")
    assert secret_of_tenant(SECRET, "acme") == "whsec_" + b64encode(key).decode()
    made = hmac.digest(key, ID.encode() + b".1614265330." + BODY, "sha256")
    assert of_tenant == "v1," + b64encode(made).decode()


def test_without_a_secret_there_is_no_signature() -> None:
    assert Signer.of(" ").signatures("acme", ID, AT, BODY) == ""


@pytest.mark.parametrize(
    "text",
    [
        "secret",
        SECRET.removeprefix("whsec_"),
        "whsec_",
        "whsec_!" + SECRET[7:],
        "whsec_" + b64encode(bytes(23)).decode(),
        "whsec_" + b64encode(bytes(65)).decode(),
        f"{SECRET} {SECRET[:-1]}",
        "whsec_ä" + SECRET[7:],
    ],
)
def test_what_is_no_secret(text: str) -> None:
    with pytest.raises(ValueError, match="CALLBACK_SECRET") as raised:
        Signer.of(text)
    assert str(raised.value) == NOT_A_SECRET  # which tells nothing of it


def headers(signer: Signer, tenant: str, id: str, at: int, body: bytes) -> dict[str, str]:
    signed = signer.signatures(tenant, id, at, body)
    return {"webhook-id": id, "webhook-timestamp": str(at), "webhook-signature": signed}


@examples(50)
@given(st.binary(max_size=99), st.binary(max_size=99), st.from_regex(r"[!-~]{1,9}", fullmatch=True))
def test_a_receiver_knows_its_own(body: bytes, other: bytes, tenant: str) -> None:
    now = int(time.time())
    sent = headers(Signer.of(f"{OTHER} {SECRET}"), tenant, ID, now, body)
    for secret in (SECRET, OTHER):  # the old one and the new one
        for known in (secret, secret_of_tenant(secret, tenant)):
            assert is_ours(known, sent, body)
            assert is_ours(known, sent, other) == (body == other)
            assert not is_ours(known, {**sent, "webhook-id": "msg_1"}, body)
            assert not is_ours(known, {**sent, "webhook-timestamp": str(now + 1)}, body)
        assert not is_ours(secret_of_tenant(secret, f"{tenant}-"), sent, body)
    late = headers(Signer.of(SECRET), tenant, ID, now - 302, body)
    assert not is_ours(SECRET, late, body)
    assert is_ours(SECRET, late, body, 600)
