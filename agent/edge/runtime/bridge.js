// The JavaScript side of bridge.py: each function replaces several crossings by one.
// Nothing is decided here.

// The time, the agent's own task, the method, the path, the query, then each header's name and
// value, a line each: none of them can contain a line break.
export function read(request, ctx) {
  const { pathname, search } = new URL(request.url);
  const lines = [Date.now(), ctx.props?.task ?? "", request.method, pathname, search.slice(1)];
  for (const [name, value] of request.headers) lines.push(name, value);
  return lines.join("\n");
}

export function variables(env) {
  return JSON.stringify(
    Object.fromEntries(Object.entries(env).filter(([, value]) => typeof value === "string")),
  );
}

export function pause(ms) {
  return scheduler.wait(ms);
}

// Starts a task in the background; after a failure, which that request logs, the next tick does the
// work.
export function soon(ctx, task) {
  const self = ctx.exports.default({ props: { task } });
  const response = self.fetch("http://agent/", { method: "POST" });
  ctx.waitUntil(response.then((answer) => answer.arrayBuffer()).catch(() => {}));
}
