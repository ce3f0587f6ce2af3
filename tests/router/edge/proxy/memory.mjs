// Fills memory.js as clients may that choose long headers, names or paths, and writes how many
// bytes that takes; then whether leases and scopes are known beyond what is noted of them, and
// what is not repeated any more because its template was dropped.

import {
  drop,
  forget,
  read,
  recall,
  reclaim,
  remember,
  setDue,
} from "../../../../router/edge/proxy/memory.js";

const LOOKED = ["(?:/(?!\\.)[A-Za-z0-9_.~-]+)*/?", ["host", "idempotency-key"], false, false];
const MANY = 12_000;
const LONG = "k".repeat(10_000);
const SENT = {
  changes: { removed: [], set: [], added: [] },
  carry: { removed: [], set: [], added: [], attribution: "one 0 -" },
};

function told(scope, isPrefix, leases = []) {
  return JSON.stringify([1, null, scope, isPrefix, 0, [1], leases]);
}

function asked(url, headers = {}) {
  return read(new Request(url, { headers }));
}

function begin() {
  forget(JSON.stringify([...LOOKED, 16_384, [16_384, 128, 65_536]]));
  setDue(Infinity);
  global.gc();
  return process.memoryUsage().heapUsed;
}

// Bytes taken by that many requests, each remembered as `how` says.
function taken(ask, how) {
  const before = begin();
  for (let at = 0; at < MANY; at += 1) {
    const found = ask(at);
    recall(found);
    remember(found, how(at), SENT);
  }
  global.gc();
  return process.memoryUsage().heapUsed - before;
}

const root = () => told("", true);
const bytes = {
  values: taken((at) => asked("http://a/x", { "idempotency-key": LONG + at }), root),
  names: taken((at) => asked("http://a/x", { [`x-${at}${LONG}`]: "" }), root),
  paths: taken(
    (at) => asked(`http://a/${at}${LONG}`),
    (at) => told(`/${at}${LONG}`, true),
  ),
  hosts: taken((at) => asked(`http://h${at}/x`), root),
};

begin();
const isKnown = (at) => {
  const found = asked(`http://h${at}/x`);
  if (!recall(found)) remember(found, root(), SENT);
  return recall(asked(`http://h${at}/x`)) !== undefined;
};
const hosts = Array.from({ length: MANY }, (_, at) => isKnown(at)).filter(Boolean).length;

begin();
const remembers = (path, template) => {
  const how = JSON.stringify([template, null, path, false, 0, [1], []]);
  remember(asked(`http://a${path}`), how, SENT);
};
const dropped = () => ["/one", "/two"].map((path) => recall(asked(`http://a${path}`))?.number);
remembers("/one", 1);
remembers("/two", 2);
drop("1 7");
const known = [dropped()];
remembers("/one", 3);
known.push(dropped());

const lease = (number, left) => [["few", [number, left, Infinity, 0, 0]]];
remember(asked(`http://a/${"u".repeat(20_000)}`), told("", true, lease(1, 7)), SENT);
forget("");
remember(asked("http://a/x"), told("", true, lease(2, 5)), SENT);
console.log(JSON.stringify({ bytes, hosts, known, left: [reclaim(1), reclaim(1), reclaim(2)] }));
