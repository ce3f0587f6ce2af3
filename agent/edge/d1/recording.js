// Where records of requests wait, for recording.py, which says how long, how many and with what
// statement. Nothing is decided here. They wait in JavaScript because what comes after the
// answer can be waited for here alone: `ctx.waitUntil` called from Python keeps nothing alive.

import { ask, pause } from "./binding.js";

const pending = []; // data points, as JSON
let plan;
let due = 0; // when those that wait are written; 0: none do
let lost = 0;

export function prepare(text) {
  plan = JSON.parse(text);
}

// Takes a data point: to Analytics Engine at once, to the table with all that gather meanwhile.
// Gives how many rows were lost so far.
export function record(env, ctx, point) {
  try {
    env.METRICS?.writeDataPoint(JSON.parse(point));
  } catch (error) {
    tell("no-data-point", 1, error.message);
  }
  if (env.JOBS === undefined) return lost;
  if (pending.length < plan.most) pending.push(point);
  else lost += 1;
  const now = Date.now();
  // One that is long overdue belongs to a request that was ended: it will not come.
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
  tell("records-lost", points.length, error);
}

function tell(event, count, error) {
  console.log(JSON.stringify({ event, count, error }));
}
