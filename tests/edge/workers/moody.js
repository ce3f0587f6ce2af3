// A variant whose health changes on demand: `/…/mood/WORD` sets it, `/…/probes` tells which
// probes came. Several stand behind one script; `props` say which.

const moods = new Map();
const probes = new Map();

export default {
  async fetch(request, env, ctx) {
    const { name } = ctx.props;
    const url = new URL(request.url);
    const [what, argument] = url.pathname.split("/").slice(2);
    if (what === "mood") return Response.json({ mood: moods.set(name, argument).get(name) });
    if (what === "probes") return Response.json(probes.get(name) ?? []);
    if (url.hostname.endsWith(".internal")) {
      const headers = Object.fromEntries(request.headers);
      probes.set(name, [...(probes.get(name) ?? []), { url: request.url, headers }]);
      return HEALTH[moods.get(name) ?? "well"]();
    }
    return Response.json({ variant: name });
  },
};

const HEALTH = {
  well: () => new Response("all is well"),
  ill: () => new Response("ill", { status: 500 }),
  strange: () => new Response("something else"),
  throwing() {
    throw new Error("SECRET-INSIDE: the variant is broken");
  },
  async hanging() {
    await scheduler.wait(600_000);
    return new Response("too late");
  },
};
