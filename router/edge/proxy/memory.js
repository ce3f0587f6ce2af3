// Python's decisions, repeated for requests with the same key (policies/proxy/memory/memory.py says why
// that is correct). At most 2 * MOST of them are remembered, those used last; fewer if their keys,
// which clients choose, are long. Python decides which requests a decision may be repeated for.

import { mustTell } from "./notes.js";

const MOST = 10_000;
const MOST_NAMES = 1_000;
const MOST_CHARS = 4_000_000; // of the keys of MOST decisions, and of lists of header names
const LONG = 512; // characters of a scope, which is not noted then
const CHECK_EVERY = 1_000; // repeated decisions, of which one is made anew and compared
const NAMES = 7; // the line of a request that has the names of its headers
const SLOTS = ["x-request-id", "traceparent", "x-forwarded-for"];

let looked; // undefined: nothing may be repeated
let due = 0; // when Python has something to do
let names = new Map(); // lists of header names, by number, so that keys are short
let scopes = new Map(); // of each origin the prefixes whose paths are decided alike
let sizes = { names: 0, scopes: 0, young: 0 }; // characters, or the number of `scopes`
let young = new Map();
let old = new Map();
let templates = new Map();
const purses = new Map();
let mode = "on"; // or "check": compare each
let isOff = false;
let repeated = 0;

export function setMode(text) {
  mode = text;
}

// Called by Python when the state that decisions depend on has changed. `text`: the parts of a
// request that they depend on from now on, as `repeating.py` writes it; "": nothing may be
// repeated.
export function forget(text) {
  [names, scopes, young, old, templates] = [0, 0, 0, 0, 0].map(() => new Map());
  sizes = { names: 0, scopes: 0, young: 0 };
  looked = undefined;
  if (!text || isOff) return;
  const [plain, headers, query, address, maxUrl, limits] = JSON.parse(text);
  const [, maxHeaders, maxSize] = limits;
  const pattern = new RegExp(`^${plain}$`);
  looked = {
    plain: pattern,
    headers: new Set(headers),
    query,
    address,
    maxUrl,
    maxHeaders,
    maxSize,
  };
}

// Called by Python when it drops the templates of these numbers.
export function drop(numbers) {
  for (const number of numbers.split(" ").map(Number)) {
    const template = templates.get(number);
    if (template) template.isDropped = true; // entries that repeat it are still there
    templates.delete(number);
  }
}

export function setDue(ms) {
  due = ms || 0; // NaN: at once
}

// Reads a request in one pass over its headers: the `lines` that Python gets (the time, the method,
// the URL, the client's place, whether there is a body, the names of all headers, then the value of
// each), and the parts of its key.
export function read(request) {
  const { method, url, headers, body, cf } = request;
  const { colo = "", country = "", continent = "" } = cf ?? {};
  const now = Date.now();
  const hasBody = body ? 1 : 0;
  const lines = [now, method, url, colo, country, continent, hasBody, ""];
  const found = { now, url, colo, lines, ip: "", drawn: -1, rest: "", place: undefined };
  let list = "";
  if (!looked) {
    for (const [name, value] of headers) {
      lines.push(value);
      list += `${name} `;
    }
    lines[NAMES] = list;
    return found;
  }
  let values = "";
  let size = 0;
  for (const [name, value] of headers) {
    lines.push(value);
    list += `${name} `;
    size += name.length + value.length;
    if (looked.headers.has(name)) values += `${name}\n${value}\n`;
    if (name === "cf-connecting-ip") found.ip = value;
  }
  lines[NAMES] = list;
  const isSmall = size <= looked.maxSize && lines.length <= NAMES + 1 + looked.maxHeaders;
  if (isSmall && url.length <= looked.maxUrl) {
    place(
      found,
      `${method} ${hasBody} ${colo} ${country} ${continent} ${numbered(list)}\n${values}`,
    );
  }
  return found;
}

// Set the parts of the key of a request whose URL is plain.
function place(found, rest) {
  const { url } = found;
  const slash = url.indexOf("/", url.indexOf("://") + 3);
  const mark = url.indexOf("?", slash);
  const path = mark < 0 ? url.slice(slash) : url.slice(slash, mark);
  if (!looked.plain.test(path)) return;
  const more = looked.query && mark >= 0 ? url.slice(mark) : "";
  const address = looked.address ? found.ip : Boolean(found.ip);
  found.place = { origin: url.slice(0, slash), path };
  found.rest = `${rest}${address}\n${more}`;
}

function numbered(list) {
  let number = names.get(list);
  if (number === undefined) {
    if (names.size >= MOST_NAMES || sizes.names >= MOST_CHARS) {
      names.clear(); // numbers go on, so no key is of two lists
      sizes.names = 0;
    }
    number = numbers++;
    names.set(list, number);
    sizes.names += list.length;
  }
  return number;
}

let numbers = 0;

// The remembered decision about a request, with its own ids; undefined if there is none. Of a
// split whose choice is not known yet, `found.drawn` is what it was drawn by.
export function recall(found) {
  if (!found.place || found.now >= due || mustTell()) return undefined;
  const { origin, path } = found.place;
  const key = `${origin}${scopeOf(origin, path)}\n${found.rest}`;
  const entry = known(key);
  if (!entry || found.now >= entry.until) return undefined;
  const template = drawn(entry, found);
  if (!template || template.isDropped || !passes(entry.limits, found.now)) return undefined;
  repeated += 1;
  const isChecked = mode === "check" || repeated % CHECK_EVERY === 0;
  const purses = isChecked ? entry.limits.map(({ purse }) => purse.number).join(" ") : "";
  return { ...fresh(template, found, entry.limits), isChecked, purses };
}

// Charge a request to all limits, or to none. Each is a lease that Python has lent: of its key so
// many requests may pass before its end.
function passes(limits, now) {
  for (const { purse } of limits) if (!purse.left || now >= purse.until) return false;
  for (const { purse } of limits) purse.left -= 1;
  return true;
}

// The limit header of an answer, as `limit_headers` in policies/access/rate_limits.py.
export function limitStatus(limits, now) {
  const parts = limits.map(({ name, purse: { left, others, fullAt } }) => {
    return `"${name}";r=${left + others};t=${Math.ceil(Math.max(0, fullAt - now) / 1000)}`;
  });
  return parts.join(", ");
}

// Called by Python when it needs a lease itself: what is left of it.
export function reclaim(number) {
  const purse = purses.get(number);
  if (!purse) return 0;
  const { left } = purse;
  purse.left = 0;
  return left;
}

// Leases that Python has lent, by the number that it gave their keys.
function lent([name, [number, left, until, others, fullAt]]) {
  if (purses.size >= MOST) purses.clear(); // what was left then counts as used
  const purse = purses.get(number) ?? { number };
  purses.set(number, Object.assign(purse, { left, until, others, fullAt }));
  return { name, purse };
}

// One of the choices, by their weights.
function drawn({ weights, templates: choices }, found) {
  if (weights.length === 1) return choices[0];
  found.drawn = Math.random();
  return choices[choiceAt(weights, found.drawn)];
}

// Which choice a number from 0 to 1 falls on, as `_choose_share` in policies/balancing/choose.py
// does it.
export function choiceAt(weights, number) {
  let point = number * weights.reduce((sum, weight) => sum + weight, 0);
  return Math.max(
    0,
    weights.findIndex((weight) => (point -= weight) < 0),
  );
}

// The longest prefix of `path` that is a scope, else the path itself.
function scopeOf(origin, path) {
  const prefixes = scopes.get(origin);
  if (!prefixes) return path;
  for (let scope = path; ; scope = scope.slice(0, scope.lastIndexOf("/"))) {
    if (prefixes.has(scope)) return `${scope}/*`;
    if (!scope) return path;
  }
}

function known(key) {
  const entry = young.get(key);
  if (entry) return entry;
  const older = old.get(key);
  if (older) put(key, older);
  return older;
}

function put(key, entry) {
  if (young.size >= MOST || sizes.young >= MOST_CHARS) {
    [old, young] = [young, new Map()];
    sizes.young = 0;
  }
  young.set(key, entry);
  sizes.young += key.length;
}

// Remembers `sent`, the decision about a request. `how`: as `repeating.py` writes it.
export function remember(found, how, sent) {
  const [number, until, scope, isPrefix, choice, weights, leases] = JSON.parse(how);
  const limits = leases.map(lent); // even if nothing is remembered: Python reclaims them
  if (!looked || !found.place) return;
  const { origin, path } = found.place;
  const where = isPrefix && isNoted(origin, scope) ? `${scope}/*` : path;
  let template = templates.get(number);
  if (!template) templates.set(number, (template = templateOf(number, sent)));
  const key = `${origin}${where}\n${found.rest}`;
  let entry = known(key);
  if (!entry || `${entry.weights}` !== `${weights}`) {
    entry = { weights, templates: [], limits: [], until: 0 };
    put(key, entry);
  }
  entry.templates[choice] = template;
  entry.limits = limits;
  entry.until = until ?? Infinity;
}

// Whether `scopeOf` finds that prefix. If too many are noted, the path stands for itself.
function isNoted(origin, scope) {
  const prefixes = scopes.get(origin) ?? new Set();
  if (prefixes.has(scope)) return true;
  if (sizes.scopes >= MOST || origin.length + scope.length > LONG) return false;
  scopes.set(origin, prefixes.add(scope));
  sizes.scopes += 1;
  return true;
}

function templateOf(number, sent) {
  const { changes, carry } = sent;
  const [variant, , part] = carry.attribution.split(" ");
  const places = SLOTS.map((name) => at(changes.set, name));
  const [answered, limited] = ["x-request-id", "ratelimit"].map((name) => at(carry.set, name));
  return { number, sent, variant, part, places, answered, limited, isDropped: false };
}

// The index of the value of that name in alternating names and values; -1 if it is not there.
function at(pairs, name) {
  for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === name) return i + 1;
  return -1;
}

// The decision of a template for another request.
function fresh(template, { now, ip }, limits) {
  const { number, sent, variant, part, places, answered, limited } = template;
  const id = hex(16);
  const trace = `00-${id}-${hex(8)}-00`;
  const set = sent.changes.set.slice();
  const answer = sent.carry.set.slice();
  [id, trace, ip].forEach((value, slot) => {
    if (places[slot] >= 0) set[places[slot]] = value;
  });
  if (answered >= 0) answer[answered] = id;
  const ratelimit = limits.length ? limitStatus(limits, now) : "";
  if (limits.length && limited >= 0) answer[limited] = ratelimit;
  const changes = { ...sent.changes, set };
  const carry = { ...sent.carry, set: answer, attribution: `${variant} ${now} ${part}` };
  const note = `again ${number} ${now}`;
  return { number, ids: `${id}\n${trace}\n${ratelimit}`, sent: { ...sent, changes, carry, note } };
}

const pool = new Uint8Array(4096);
let used = pool.length;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

// So many random bytes, in hexadecimal; never all zeros (W3C Trace Context).
function hex(bytes) {
  if (used + bytes > pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  let text = "";
  for (const end = used + bytes - 1; used < end; used += 1) text += HEX[pool[used]];
  return text + HEX[pool[used++] | 1];
}

// A repeated decision was wrong: nothing is repeated any more in this isolate.
export function turnOff() {
  isOff = true;
  forget("");
}
