"""The FiberWise SDK, as it is published, activates an agent and fetches what came of it.

Reads from stdin `{"url", "key", "app", "agent", "input", "context", "metadata"}`. Writes the
activation as it was accepted and as it ended, read by the SDK's own model, what
`RestClient.get_status` says, and which error an agent is that nobody has.
"""

import asyncio
import json
import sys

from fiberwise_sdk import FiberApp
from fiberwise_sdk.exceptions import FiberWiseError
from fiberwise_sdk.models import AgentActivation

ENDED = ("completed", "failed", "cancelled")
LOOKS = 300


async def main(asked):
    config = {"base_url": asked["url"], "api_key": asked["key"], "app_id": asked["app"]}
    app = FiberApp(config)
    client = app.agents._client
    try:
        given = (asked["agent"], asked["input"], asked["context"], asked["metadata"])
        accepted = await app.agents.activate(*given)
        return {
            "accepted": accepted.model_dump(mode="json"),
            "ended": (await ended(app, accepted.activation_id)).model_dump(mode="json"),
            "status": await client.get_status(),
            "unknown": await refusal(app.agents.activate("nobody", {"prompt": "Hello"})),
            "wrong": await refusal(app.agents.activate("llm", {"text": "Hello"})),
            "missing": await refusal(app.agents.get_activation("nobody")),
        }
    finally:
        await client.close()


async def ended(app, id):
    for _ in range(LOOKS):
        found = AgentActivation(**await app.agents.get_activation(id))
        if found.status in ENDED:
            return found
        await asyncio.sleep(0.1)
    raise TimeoutError(found)


async def refusal(work):
    try:
        await work
    except FiberWiseError as error:
        return [type(error).__name__, str(error)]
    return None


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.load(sys.stdin)))))
