// Variants whose health changes on demand: `/mood/NAME/WORD` sets it, `/probes/NAME` tells
// which probes came. All stand behind one script; `props` say which is asked. One whose name
// is a mood is in it from the beginning.

const moods = new Map();
const probes = new Map();

export default {
  async fetch(request, env, ctx) {
    const { name } = ctx.props;
    const url = new URL(request.url);
    const [what, whose, word] = url.pathname.split("/").slice(1);
    if (what === "mood") return Response.json(moods.set(whose, word).get(whose));
    if (what === "probes") return Response.json(probes.get(whose) ?? []);
    if (what === "work") return WORK[url.search === `?ill=${name}` ? "ill" : "well"](name);
    if (what === "part") return part(name);
    const told = { url: request.url, headers: Object.fromEntries(request.headers) };
    probes.set(name, [...(probes.get(name) ?? []), told]);
    return (HEALTH[moods.get(name) ?? name] ?? HEALTH.well)();
  },
};

// `flawed` fails 5 of 100 times, the others never.
const counts = new Map();
function part(name) {
  counts.set(name, (counts.get(name) ?? 0) + 1);
  const fails = name === "flawed" && counts.get(name) % 20 === 0;
  return Response.json({ variant: name }, { status: fails ? 500 : 200 });
}

const WORK = {
  well: (name) => Response.json({ variant: name }),
  ill: (name) => Response.json({ variant: name }, { status: 503 }),
};

const HEALTH = {
  well: () => new Response("all is well"),
  ill: () => new Response("all is well", { status: 500 }),
  strange: () => new Response("something else"),
  // So much before it that nobody looks.
  late: () => new Response(`${" ".repeat(65536)}well`),
  throwing() {
    throw new Error("SECRET-INSIDE: the variant is broken");
  },
  async hanging() {
    await scheduler.wait(600_000);
    return new Response("all is well");
  },
  // Begins a body, and then nothing.
  endless: () => new Response(new ReadableStream({ pull: () => scheduler.wait(600_000) })),
};
