// Writes the notes that Python gets when the variant of some requests never answers, of one does,
// and of one is still to answer; all of the first kind are let go, as the runtime does when their
// clients have gone. Its argument is an effect: a `Send` to BACKEND, of whatever number.

import { handler } from "../../../../router/edge/proxy/driver.js";
import { notes } from "../../../../router/edge/proxy/notes.js";

const MANY = 50;
const [, , effect] = process.argv;
let number = 0;
let wait; // what the variant does
const told = [];
const tell = (lines) => told.push(...lines.split("\n").filter(Boolean));
const python = {
  decide(request, lines) {
    tell(lines);
    number += 1;
    return `\n0\n\n${effect.replace("\n7\n", `\n${number}\n`)}`;
  },
};
const env = { BACKEND: { fetch: () => wait() } };

function asked() {
  return handler(python)(new Request("https://h/"), env, { waitUntil() {} });
}

wait = () => new Promise(() => {});
for (let at = 0; at < MANY; at += 1) asked();
wait = async () => new Response(null, { status: 204 });
await asked();
const { promise, resolve } = Promise.withResolvers();
wait = () => promise;
const waiting = asked();

for (let looks = 0; looks < 50 && told.length <= MANY; looks += 1) {
  global.gc();
  await new Promise((done) => setTimeout(done, 10));
  tell(notes());
}
resolve(new Response(null, { status: 204 }));
await waiting;
console.log(JSON.stringify(told.map((line) => line.split(" ").slice(0, 2).join(" "))));
