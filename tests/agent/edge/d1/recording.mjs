// `recording.js` with a database, a clock and waits of the tests'. One line of JSON comes out.

import { pathToFileURL } from "node:url";

const waits = []; // [ms, resolve], of whoever waits now
globalThis.scheduler = { wait: (ms) => new Promise((resolve) => waits.push([ms, resolve])) };
let now = 1_000_000;
Date.now = () => now;
const logged = [];
console.log = (text) => logged.push(JSON.parse(text));

const { prepare, record } = await import(pathToFileURL(process.argv[2]));
prepare(
  JSON.stringify({ sql: "WRITE", most: 3, waitMs: 1000, overdueMs: 5000, againMs: [10, 20] }),
);

const written = []; // the parameters of each statement
let failing = 0;
const database = {
  prepare: () => ({
    bind: (...values) => ({
      async all() {
        written.push([JSON.parse(values[0]), ...values.slice(1)]);
        if (failing-- > 0) throw new Error("no");
        return { results: [], meta: { changes: 0 } };
      },
    }),
  }),
};
const points = [];
let started = 0;
const ctx = { waitUntil: () => (started += 1) };
const env = { JOBS: database, METRICS: { writeDataPoint: (point) => points.push(point) } };
const settle = () => new Promise((resolve) => setImmediate(resolve));

async function pass() {
  const waited = waits.splice(0);
  for (const [, resolve] of waited) resolve();
  await settle();
  return waited.map(([ms]) => ms);
}

const told = {};

record(env, ctx, '{"n":1}');
record(env, ctx, '{"n":2}');
told.together = {
  started,
  waited: await pass(),
  written: written.splice(0),
  points: points.length,
};

failing = 1;
record(env, ctx, '{"n":3}');
await pass();
const again = await pass();
told.again = { again, written: written.splice(0) };

failing = 3;
record(env, ctx, '{"n":4}');
for (let turn = 0; turn < 3; turn += 1) await pass();
told.lost = {
  lost: record(env, ctx, '{"n":5}'),
  logged: logged.splice(0),
  tries: written.splice(0).length,
};
await pass();

for (let n = 0; n < 5; n += 1) told.full = record(env, ctx, `{"n":${n}}`);
await pass();
told.rows = written.splice(-1)[0][0].length;

record(env, ctx, '{"n":6}');
waits.splice(0); // its request was ended: nobody comes back
const before = started;
record(env, ctx, '{"n":7}');
now += 6001;
record(env, ctx, '{"n":8}');
told.overdue = { started: started - before };
await pass();
told.overdue.rows = written.splice(-1)[0][0].map((point) => point.n);

const broken = {
  METRICS: {
    writeDataPoint() {
      throw new Error("full");
    },
  },
};
told.broken = { lost: record(broken, ctx, "{}"), logged };

process.stdout.write(JSON.stringify(told));
