// Asks limiters through driver.js and writes, for each of those below, what Python hears and what
// the limiter gets back.

import { handler } from "../../../../router/edge/proxy/driver.js";

const TIMEOUT = 60;
const GRANT = JSON.stringify([5, 3, 0, 0, 0]);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const turn = () => new Promise((done) => setImmediate(done));

function block(ms) {
  for (const end = Date.now() + ms; Date.now() < end; );
}

async function asked(take, used, busyMs = 0) {
  let heard;
  const [returned, kept] = [[], []];
  const python = {
    decide: () => `\n0\n\n["ask",7,"few","{}",${TIMEOUT},${used}]`,
    resume(number, outcome) {
      heard = JSON.parse(outcome).slice(1);
      return '["answer",7,200,[],"",false]';
    },
  };
  const limiter = { take, give_back: async (text) => void returned.push(JSON.parse(text)) };
  const env = { ROUTER_LIMITER: { idFromName: (name) => name, get: () => limiter } };
  const ctx = { waitUntil: (work) => kept.push(work) };
  const answer = handler(python)(new Request("https://h/"), env, ctx);
  if (busyMs) block(busyMs);
  await answer;
  for (let at = 0; at < kept.length; at += 1) await kept[at];
  return { heard, returned };
}

const late = () => wait(4 * TIMEOUT).then(() => GRANT);
console.log(
  JSON.stringify({
    busy: await asked(
      () =>
        turn()
          .then(turn)
          .then(turn)
          .then(() => GRANT),
      0,
      5 * TIMEOUT,
    ),
    late: await asked(late, 0),
    lateOfPassed: await asked(late, 1),
    fails: await asked(() => Promise.reject(new Error("no")), 0),
    failsLate: await asked(() => wait(4 * TIMEOUT).then(() => Promise.reject(new Error("no"))), 0),
    deniedLate: await asked(() => wait(4 * TIMEOUT).then(() => "[0,0,0,9,9]"), 0),
  }),
);
