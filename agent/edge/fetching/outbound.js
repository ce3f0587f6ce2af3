// The JavaScript side of outbound.py: requests of the sandbox as text, and their answers.

// Method, URL, headers and body as JSON; undefined if the body is too long or not UTF-8.
export async function sent(request, most) {
  const bytes = new Uint8Array(await request.arrayBuffer());
  if (bytes.byteLength > most) return undefined;
  try {
    const body = request.body ? new TextDecoder("utf-8", { fatal: true }).decode(bytes) : null;
    const { method, url } = request;
    return JSON.stringify({ method, url, headers: Object.fromEntries(request.headers), body });
  } catch {
    return undefined;
  }
}

const BODILESS = [101, 204, 205, 304];

export function answer(head, body) {
  const { status, headers } = JSON.parse(head);
  return new Response(BODILESS.includes(status) ? null : body, { status, headers });
}

// The service that isolates of the sandbox send requests through: the agent itself, which
// recognises them by this task. Only the agent can set it.
export function way(ctx, task) {
  return ctx.exports.default({ props: { task } });
}
