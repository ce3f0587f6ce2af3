// Reads a line of JSON, `[what, …]`, and writes what driver.js's modules make of it.

import { createInterface } from "node:readline";
import { handler } from "../../../../router/edge/proxy/driver.js";
import * as memory from "../../../../router/edge/proxy/memory.js";
import { parsed } from "../../../../router/edge/proxy/sending.js";
import { change } from "../../../../router/edge/runtime/headers.js";

const PLAIN = ["(?:/(?!\\.)[A-Za-z0-9_.~-]+)*/?", [], false, false, 16_384, [16_384, 128, 65_536]];
const random = crypto.getRandomValues.bind(crypto);

const MAKES = {
  parsed,
  choiceAt: memory.choiceAt,
  limitStatus: memory.limitStatus,
  // The ids and the headers of a decision that is repeated so often. `zeros`: chance draws
  // nothing else.
  repeated(effect, times, zeros) {
    crypto.getRandomValues = zeros ? (bytes) => bytes.fill(0) : random;
    memory.forget(JSON.stringify(PLAIN));
    memory.setDue(Infinity);
    const ask = () =>
      memory.read(new Request("http://a/x", { headers: { "cf-connecting-ip": "::1" } }));
    const how = [1, null, "/x", false, 0, [1], [["few", [1, times, 1e15, 0, 0]]]];
    memory.remember(ask(), JSON.stringify(how), parsed(effect));
    return Array.from({ length: times }, () => {
      const { ids, sent } = memory.recall(ask());
      return [ids, sent.changes.set, sent.carry.set];
    });
  },
  // Of these statuses of answers those that clients get without another look.
  async good(effect, statuses) {
    const found = [];
    for (const status of statuses) {
      let isGood = true;
      const resume = () => ((isGood = false), '["answer",1,200,[],"",false]');
      const python = { decide: () => `\n0\n\n${effect}`, resume };
      const env = { BACKEND: { fetch: async () => new Response(null, { status }) } };
      await handler(python)(new Request("https://h/"), env, { waitUntil() {} });
      if (isGood) found.push(status);
    }
    return found;
  },
  changed(pairs, removed, set, added) {
    const headers = new Headers(pairs);
    change(headers, { removed, set, added });
    return [...headers];
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [what, ...given] = JSON.parse(line);
  console.log(JSON.stringify(await MAKES[what](...given)));
}
