// Reads a line of JSON, `{says, answers}`, and writes what driver.js makes of one request. `says`:
// what Python says at each call, in order (an error, if it begins with "!"); `answers`: statuses
// of the variant, whatever the binding is.

import { createInterface } from "node:readline";
import { handler } from "../../../../router/edge/proxy/driver.js";

console.error = () => {};

async function told({ says, answers }) {
  const events = [];
  const kept = [];
  const say = (name, ...given) => {
    events.push([name, ...given.map(String)]);
    const text = says.shift() ?? "!nothing more is said";
    if (text.startsWith("!")) throw new Error(text.slice(1));
    return text;
  };
  const python = {
    decide: (request, notes) => say("decide", notes),
    resume: (number, outcome, notes) => say("resume", number, outcome, notes),
    failed: (name, message) => say("failed", name, message),
    chores: (chores) => events.push(["chores", chores]),
  };
  const fetch = async (request) => {
    const status = answers.shift();
    events.push(["fetch", request.url]);
    const body = new ReadableStream({ cancel: () => void events.push(["cancel", status]) });
    return new Response(body, { status, headers: { "content-encoding": "none" } });
  };
  const env = { BACKEND: { fetch } };
  const ctx = { waitUntil: (promise) => kept.push(promise) };
  const answer = await handler(python).callRelaxed(new Request("https://h/"), env, ctx);
  await Promise.all(kept);
  return { status: answer.status, events };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await told(JSON.parse(line))));
}
