// Reads JSON, `{send, requests, isEnded}`, asks driver.js for so many requests, of which Python
// decides the first by `send`, and writes in order what Python is called for, with how many notes,
// after how many answers. `isEnded`: the runtime ends requests with their answers.

import { text } from "node:stream/consumers";

import { forget, handler } from "../../../../router/edge/proxy/driver.js";

const LOOKED = ["(?:/(?!\\.)[A-Za-z0-9_.~-]+)*/?", [], false, false, 16_384, [16_384, 128, 65_536]];
const HOW = JSON.stringify([1, null, "", true, 0, [1], []]);
const { send, requests, isEnded } = JSON.parse(await text(process.stdin));
const soon = (ms) => new Promise((done) => setTimeout(done, ms));
globalThis.scheduler = { wait: isEnded ? () => new Promise(() => {}) : soon };

const calls = [];
let answered = 0;
const counted = (notes) => notes.split("\n").filter(Boolean).length;
const python = {
  decide(request, notes) {
    calls.push(["decide", counted(notes), answered]);
    return `\n9e15\n${HOW}\n${send}`;
  },
  heard: (notes) => calls.push(["heard", counted(notes), answered]),
};
const env = { BACKEND: { fetch: async () => new Response(null) } };

forget(JSON.stringify(LOOKED));
const handle = handler(python);
for (let at = 0; at < requests; at += 1) {
  const kept = [];
  await handle(new Request("https://h/x"), env, { waitUntil: (work) => kept.push(work) });
  answered += 1;
  if (!isEnded) await Promise.all(kept);
}
console.log(JSON.stringify(calls));
process.exit(0);
