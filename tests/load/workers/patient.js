// Variants that fail on command. One script stands behind all bindings; the binding's
// `props` say for which variant. All of them share this isolate's memory, so what is told
// to one holds at once, and what came to them stands in one list, in the order of time.
//
// The variant `control` is told: POST /act {"variants": […], "act": …}; it tells, with
// GET /arrivals, what has come since it was asked last.

// An answer says whose it is, and by whom it was given.

export default {
  async fetch(request, env, ctx) {
    const { variant } = ctx.props;
    if (variant === "control") return control(request);
    const { act, since } = acting.get(variant) ?? WELL;
    arrivals.push([
      Date.now(),
      variant,
      new URL(request.url).pathname,
      request.method,
      request.headers.get("x-load-id"),
    ]);
    const answer = await ACTS[act](variant, since, ctx);
    const { headers } = request;
    answer.headers.set("x-load-id", headers.get("x-load-id") ?? "");
    answer.headers.set("x-load-variant", variant);
    answer.headers.set("x-load-request-id", headers.get("x-request-id") ?? "");
    return answer;
  },
};

const WELL = { act: "well", since: 0 };
const SLOW_MS = 3_000;
const FLAP_MS = 1_000;
const BURST = 10; // answers of 500,
const PAUSE = 5; // then good ones
const acting = new Map(); // variant to what it does, and since when
const answered = new Map(); // variant to the number of its answers in bursts
let arrivals = [];

async function control(request) {
  const { pathname } = new URL(request.url);
  if (pathname === "/health") return well(); // it is probed like any variant
  if (pathname === "/arrivals") {
    const told = arrivals;
    arrivals = [];
    return Response.json(told);
  }
  const { variants, act } = await request.json();
  for (const variant of variants) acting.set(variant, { act, since: Date.now() });
  return Response.json({ at: Date.now() });
}

const BODY = "answered, from the first byte to the last\n".repeat(25);

function well() {
  return new Response(BODY);
}

function failing(status) {
  return new Response(`status ${status}`, { status });
}

const ACTS = {
  well,
  throw() {
    throw new Error("the variant is broken");
  },
  unavailable() {
    return failing(503);
  },
  bursts(variant) {
    const number = answered.get(variant) ?? 0;
    answered.set(variant, number + 1);
    return number % (BURST + PAUSE) < BURST ? failing(500) : well();
  },
  async hang() {
    await scheduler.wait(600_000);
    return well();
  },
  async slow() {
    await scheduler.wait(SLOW_MS);
    return well();
  },
  flapping(variant, since) {
    return Math.floor((Date.now() - since) / FLAP_MS) % 2 ? well() : failing(503);
  },
  // Breaks off in the middle of the body, whose length is told every second time, as it is
  // of what a Worker passes on.
  cut(variant, since, ctx) {
    const number = answered.get(variant) ?? 0;
    answered.set(variant, number + 1);
    const length = new TextEncoder().encode(BODY).byteLength;
    const { readable, writable } =
      number % 2 ? new FixedLengthStream(length) : new TransformStream();
    ctx.waitUntil(breakOff(writable.getWriter()).catch(() => {}));
    const headers = number % 2 ? { "content-length": String(length) } : {};
    return new Response(readable, { headers });
  },
};

async function breakOff(writer) {
  await writer.write(new TextEncoder().encode(BODY.slice(0, BODY.length / 2)));
  await scheduler.wait(20);
  await writer.abort(new Error("broken off"));
}
