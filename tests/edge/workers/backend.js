// A variant that misbehaves on demand: the path says how.

export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    const [, what, argument] = url.pathname.split("/");
    const act = ACTS[what];
    return act ? act(request, url, argument, ctx) : new Response("unknown act", { status: 404 });
  },
};

const flaked = new Map(); // the bodies that came to /flaky/ID
const cameAt = new Map(); // and when
const recorded = new Map(); // what came to /record/ID, for /seen/ID

const WAITS = { slow: 500, late: 500, slower: 3_000, hang: 600_000 }; // ms
const ACTS = {
  async record(request, url, id) {
    const entry = { method: request.method, url: request.url, body: null };
    entry.headers = Object.fromEntries(request.headers);
    recorded.set(id, [...(recorded.get(id) ?? []), entry]);
    entry.body = await request.text();
    return new Response("recorded");
  },
  seen(request, url, id) {
    return Response.json(recorded.get(id) ?? []);
  },
  // A new body each time, with the headers that the query asks for: ?h=name:value.
  fresh(request, url) {
    const headers = new Headers();
    for (const line of url.searchParams.getAll("h")) {
      const at = line.indexOf(":");
      headers.append(line.slice(0, at), line.slice(at + 1));
    }
    const status = Number(url.searchParams.get("status") ?? 200);
    return new Response(crypto.randomUUID(), { status, headers });
  },
  // Begins a body and breaks off.
  broken(request, url, id, ctx) {
    const { readable, writable } = new TransformStream();
    ctx.waitUntil(breakOff(writable.getWriter()).catch(() => {}));
    return new Response(readable);
  },
  // Announces so many bytes, and breaks off.
  cut(request, url, total, ctx) {
    const { readable, writable } = new FixedLengthStream(Number(total));
    ctx.waitUntil(breakOff(writable.getWriter()).catch(() => {}));
    return new Response(readable);
  },
  // So many bytes: in memory, or as a stream of announced length.
  memory: (request, url, total) => new Response(new Uint8Array(Number(total))),
  announced(request, url, total, ctx) {
    const { readable, writable } = new FixedLengthStream(Number(total));
    ctx.waitUntil(new Response(new Uint8Array(Number(total))).body.pipeTo(writable));
    return new Response(readable);
  },
  // Well the first time, and never again.
  once(request, url, id) {
    const came = recorded.has(id);
    recorded.set(id, []);
    return new Response(crypto.randomUUID(), { status: came ? 500 : 200 });
  },
  // What each attempt does is told, with dots between: /each/200.503/ID?wait=MS does 200
  // first and 503 then; `slow` waits before it is well, `late` before it is not, `hang`
  // forever, `events` sends some for more than a second. What was aborted is recorded.
  async each(request, url, acts, ctx) {
    const attempt = Number(request.headers.get("x-router-attempt") ?? 1);
    const act = acts.split(".")[attempt - 1];
    const id = url.pathname.split("/")[3];
    const gone = () => recorded.set(id, [...(recorded.get(id) ?? []), { aborted: attempt }]);
    request.signal.addEventListener("abort", gone);
    if (WAITS[act]) await scheduler.wait(WAITS[act]);
    if (act === "throw") throw new Error("SECRET-INSIDE: the backend is broken");
    if (act === "events") return ACTS.events(request, url, 5, ctx);
    const status = { slow: 200, slower: 200, late: 503 }[act] ?? Number(act);
    return Response.json({ attempt }, { status });
  },
  // A stream without end, so many bytes at a time; a mirror's copy of the request is never
  // answered.
  async endless(request, url, size) {
    if (request.headers.has("x-router-mirror")) await scheduler.wait(600_000);
    const chunk = new TextEncoder().encode("data: ".padEnd(Number(size)));
    const pull = async (controller) => {
      controller.enqueue(chunk);
      await scheduler.wait(10);
    };
    return new Response(new ReadableStream({ pull }));
  },
  // 503 so many times, with `Retry-After` if the query asks for it, then 200:
  // /flaky/ID/TIMES?after=SECONDS.
  async flaky(request, url, id) {
    const body = await request.text();
    const came = [...(flaked.get(id) ?? []), body];
    const times = [...(cameAt.get(id) ?? []), Date.now()];
    flaked.set(id, came);
    cameAt.set(id, times);
    const status = came.length > Number(url.pathname.split("/")[3]) ? 200 : 503;
    const after = url.searchParams.get("after");
    const headers = after && status === 503 ? { "retry-after": after } : {};
    const attempt = request.headers.get("x-router-attempt");
    return Response.json({ came, times, attempt }, { status, headers });
  },
  // The first attempt is refused after the first chunks; others are read.
  async "refuse-first"(request, url, id) {
    recorded.set(id, [...(recorded.get(id) ?? []), {}]);
    const reader = request.body.getReader();
    let begins = "";
    let bytes = 0;
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      bytes += next.value.byteLength;
      begins = (begins + new TextDecoder().decode(next.value)).slice(0, 15);
      if (begins === "begin, middle" && !request.headers.has("x-router-attempt")) {
        return new Response("refused", { status: 503 });
      }
    }
    return Response.json({ begins, bytes });
  },
  // Fails in its own way if the body cannot be read.
  async unhappy(request) {
    try {
      return new Response(await request.text());
    } catch {
      return new Response("not well", { status: 500 });
    }
  },
  // Answers without a look at the body.
  unread() {
    return new Response("unread");
  },
  throw() {
    throw new Error("SECRET-INSIDE: the backend is broken");
  },
  async hang() {
    await scheduler.wait(600_000);
    return new Response("too late");
  },
  async "read-and-hang"(request) {
    for await (const _ of request.body ?? []);
    await scheduler.wait(600_000);
    return new Response("too late");
  },
  async slow(request, url, ms) {
    await scheduler.wait(Number(ms));
    return new Response("slow");
  },
  // Reads what it is sent before it answers: a proxy in between may break off an answer that
  // comes while a large body is still under way.
  async status(request, url, status) {
    for await (const _ of request.body ?? []);
    return new Response(status === "204" ? null : `status ${status}`, {
      status: Number(status),
      headers: { "x-backend": "1", "x-router-route": "forged" },
    });
  },
  cookies() {
    const headers = new Headers();
    headers.append("set-cookie", "a=1; Path=/");
    headers.append("set-cookie", "b=2; Path=/");
    return new Response("cookies", { headers });
  },
  redirect(request, url) {
    return new Response(null, { status: 302, headers: { location: "/elsewhere" } });
  },
  place(request) {
    return Response.json(request.cf ?? null);
  },
  async count(request) {
    let bytes = 0;
    for await (const chunk of request.body ?? []) bytes += chunk.byteLength;
    return Response.json({ bytes });
  },
  // Answers each chunk of the request's body at once: only streaming both ways gets through.
  echo(request) {
    return new Response(request.body, { headers: { "content-type": "application/octet-stream" } });
  },
  bytes(request, url, total) {
    const chunk = new Uint8Array(64 * 1024);
    let left = Number(total);
    const body = new ReadableStream({
      pull(controller) {
        if (left <= 0) return controller.close();
        const size = Math.min(left, chunk.byteLength);
        left -= size;
        controller.enqueue(chunk.slice(0, size));
      },
    });
    return new Response(body);
  },
  async gzip() {
    const body = new Response("squeezed ".repeat(100)).body;
    const packed = body.pipeThrough(new CompressionStream("gzip"));
    return new Response(packed, { encodeBody: "manual", headers: { "content-encoding": "gzip" } });
  },
  events(request, url, count, ctx) {
    const { readable, writable } = new TransformStream();
    ctx.waitUntil(sendEvents(writable.getWriter(), Number(count)));
    return new Response(readable, { headers: { "content-type": "text/event-stream" } });
  },
  socket(request) {
    if (request.headers.get("upgrade") !== "websocket") {
      return new Response("expected a WebSocket", { status: 426 });
    }
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.addEventListener("message", (event) => server.send(`echo ${event.data}`));
    const headers = { "x-router-key-id": "forged" };
    return new Response(null, { status: 101, webSocket: client, headers });
  },
};

async function sendEvents(writer, count) {
  const encoder = new TextEncoder();
  for (let number = 0; number < count; number++) {
    await writer.write(encoder.encode(`data: ${number}\n\n`));
    await scheduler.wait(300);
  }
  await writer.close();
}

async function breakOff(writer) {
  await writer.write(new TextEncoder().encode(crypto.randomUUID()));
  await scheduler.wait(50);
  await writer.abort(new Error("broken off"));
}
