"""FiberWise Core's `ExternalWorker`, as it is published, submits activations.

Reads from stdin `{"url", "key", "rows", "priority"}`; each row is one of `agent_activations`, as
far as it is not usual. Writes what `submit_activation` has returned for each, and what
`get_status` says. The table is Core's own, in SQLite. Core's own database provider hands over
parameters in another way than `ExternalWorker` does, so a thin one of ours stands here.
"""

import asyncio
import json
import sqlite3
import sys
from importlib.resources import files

from fiberwise_common.worker.base import WorkerConfig, WorkerType
from fiberwise_common.worker.external_worker import ExternalWorker

USUAL = {
    "agent_type_id": "custom",
    "status": "queued",
    "started_at": "2026-11-28T10:00:00",
    "created_by": "u-1",
}


class Database:
    """The one method of Core's provider that the worker needs."""

    def __init__(self):
        self.connection = sqlite3.connect(":memory:")
        self.connection.row_factory = sqlite3.Row
        schema = files("fiberwise_common.database.sql") / "000_init.sql"
        self.connection.executescript(schema.read_text(encoding="utf-8"))

    def insert(self, row):
        names, marks = ", ".join(row), ", ".join("?" for _ in row)
        statement = f"INSERT INTO agent_activations ({names}) VALUES ({marks})"
        self.connection.execute(statement, tuple(row.values()))

    async def fetch_one(self, query, *params):
        row = self.connection.execute(query, params).fetchone()
        return row and dict(row)


async def main(asked):
    database = Database()
    for row in asked["rows"]:
        database.insert({**USUAL, **row})
    config = WorkerConfig(
        worker_type=WorkerType.EXTERNAL, webhook_url=asked["url"], api_key=asked["key"]
    )
    worker = ExternalWorker(config, database)
    await worker.start()
    ids = [row["activation_id"] for row in asked["rows"]]
    priority = asked.get("priority", 1)
    try:
        submitted = {id: await worker.submit_activation(id, priority) for id in ids}
        return {"submitted": submitted, "status": await worker.get_status()}
    finally:
        await worker.stop()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.load(sys.stdin)))))
