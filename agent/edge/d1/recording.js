// The buffer of request records, for recording.py, which sets its limits and the statement.
// Nothing is decided here. It is in JavaScript because only JavaScript can go on after the answer:
// `ctx.waitUntil` called from Python keeps nothing alive.

import { ask, pause } from "./binding.js";

const pending = []; // data points, as JSON
let plan;
let due = 0; // when the waiting ones are written; 0: none are waiting
let lost = 0;

export function prepare(text) {
  plan = JSON.parse(text);
}

// Records a data point: in Analytics Engine at once, in the table together with others. Returns how
// many rows were lost so far.
export function record(env, ctx, point) {
  try {
    env.METRICS?.writeDataPoint(JSON.parse(point));
  } catch (error) {
    log("no-data-point", 1, error.message);
  }
  if (env.JOBS === undefined) return lost;
  if (pending.length < plan.most) pending.push(point);
  else lost += 1;
  const now = Date.now();
  // A write that is long overdue belongs to a request that was ended: it will not happen.
  if (due === 0 || now > due + plan.overdueMs) {
    due = now + plan.waitMs;
    ctx.waitUntil(write(env.JOBS));
  }
  return lost;
}

async function write(database) {
  await pause(plan.waitMs);
  due = 0;
  const points = pending.splice(0);
  const values = [`[${points.join(",")}]`, Date.now(), crypto.randomUUID()];
  const statement = JSON.stringify([[plan.sql, values]]);
  let error;
  for (const ms of [0, ...plan.againMs]) {
    if (ms) await pause(ms * (0.5 + Math.random() / 2));
    error = JSON.parse(await ask(database, statement)).error;
    if (error === undefined) return;
  }
  lost += points.length;
  log("records-lost", points.length, error);
}

function log(event, count, error) {
  console.log(JSON.stringify({ event, count, error }));
}
