// The other half of bridge.py: each function is one crossing where there would be ten.
// Nothing is decided here. Lists of strings cross as lines: neither a URL nor the name or
// value of a header can hold a line break (WHATWG URL; RFC 9110, section 5.5).

// The time, the method, the URL, the client's place, then each header's name and value.
export function read(request) {
  const { colo = "", country = "", continent = "" } = request.cf ?? {};
  const lines = [Date.now(), request.method, request.url, colo, country, continent];
  for (const [name, value] of request.headers) lines.push(name, value);
  return lines.join("\n");
}

// Sends `request`, its body unread, through the service binding of that name, with another
// URL if one is given, and with changed headers. It is broken off if no answer begins
// within `timeout` ms; one that has begun is not (0: it may take forever). Undefined if
// there is no such service.
export function send(env, binding, request, url, removed, added, timeout) {
  const service = env[binding];
  if (typeof service?.fetch !== "function") return undefined;
  const base = url ? new Request(url, request) : request;
  const outbound = new Request(base, timeout ? { signal: AbortSignal.timeout(timeout) } : {});
  for (const name of lines(removed)) outbound.headers.delete(name);
  put(outbound.headers, added);
  return service.fetch(outbound);
}

// A variant's answer with headers added; its body passes through unread.
export function answer(response, added, cookie) {
  const changed = new Response(response.body, response);
  put(changed.headers, added);
  if (cookie) changed.headers.append("set-cookie", cookie);
  return changed;
}

function put(headers, text) {
  const pairs = lines(text);
  for (let i = 0; i < pairs.length; i += 2) headers.set(pairs[i], pairs[i + 1]);
}

function lines(text) {
  return text ? text.split("\n") : [];
}

// What the limiter of that name answers to `question`. Fails if there is none, if it does,
// or if it does not answer within `timeout` ms: it may go on, but nobody waits for it.
export async function ask(env, binding, name, question, timeout) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${timeout} ms`)), timeout);
  });
  try {
    return await Promise.race([limiter(env, binding, name).take(question), late]);
  } finally {
    clearTimeout(timer);
  }
}

// Gives the limiter of that name something back, after the answer. If it is not there to
// take it, it is lost.
export function giveBack(env, binding, name, returned, ctx) {
  const given = async () => limiter(env, binding, name).give_back(returned);
  ctx.waitUntil(given().catch(() => {}));
}

function limiter(env, binding, name) {
  const namespace = env[binding];
  if (typeof namespace?.idFromName !== "function") throw new Error(`no binding ${binding}`);
  return namespace.get(namespace.idFromName(name));
}
