// Reads a line of JSON, `[what, …]`, and writes what driver.js's modules make of it.

import { createInterface } from "node:readline";
import { change } from "../../../../router/edge/runtime/headers.js";
import { choiceAt, standing } from "../../../../router/edge/proxy/memory.js";
import { parsed } from "../../../../router/edge/proxy/sending.js";

const MAKES = {
  parsed,
  choiceAt,
  standing,
  changed(pairs, removed, set, added) {
    const headers = new Headers(pairs);
    change(headers, { removed, set, added });
    return [...headers];
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [what, ...given] = JSON.parse(line);
  console.log(JSON.stringify(MAKES[what](...given)));
}
