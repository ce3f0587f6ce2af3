// Coordinators that misbehave: the binding KIND says how. `/told` has the reports that came.

import { DurableObject } from "cloudflare:workers";

const reports = [];
let snapshot = { epoch: "e1", version: 1, variants: {}, drills: [] };

export default {
  async fetch(request) {
    if (request.method === "PUT") snapshot = await request.json();
    return Response.json(reports);
  },
};

export class Coordinator extends DurableObject {
  async sync(report) {
    reports.push({ ...JSON.parse(report), at: Date.now() });
    return ACTS[this.env.KIND]();
  }
}

const ACTS = {
  throw() {
    throw new Error("SECRET-INSIDE: the coordinator is broken");
  },
  async hang() {
    await scheduler.wait(600_000);
  },
  async slow() {
    await scheduler.wait(5_000);
    return JSON.stringify(snapshot);
  },
  nonsense: () => "{",
  nothing: () => undefined,
  old: () => '{"epoch": "e0", "version": 3, "health": []}',
  told: () => JSON.stringify(snapshot),
};
