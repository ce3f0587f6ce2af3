// Asks the Coordinator as isolates do: each request is the report of one of `isolates`.
//   /plain            reports nothing: the rate of a Worker in JavaScript
//   /sync/ISOLATES    nothing new in any report
//   /news/ISOLATES    every isolate ejects a variant, and takes it back in its next report

const VARIANTS = ["production-eu", "production-us", "production-ap", "canary"];
let requests = 0;
let known = { epoch: null, version: 0 };

export default {
  async fetch(request, env) {
    const [, what, isolates] = new URL(request.url).pathname.split("/");
    if (what === "plain") return new Response("answered\n");
    requests += 1;
    const number = requests % Number(isolates);
    const round = Math.floor(requests / Number(isolates));
    const ejected_ms = what === "news" && round % 2 ? 30_000 : 0;
    const object = env.COORDINATOR.get(env.COORDINATOR.idFromName("global"));
    const answer = await object.sync(report(number, ejected_ms));
    known = JSON.parse(answer);
    return new Response("answered\n");
  },
};

function report(number, ejected_ms) {
  const tally = (name) => [name, { requests: 50, failures: 1, ejected_ms }];
  const variants = Object.fromEntries(VARIANTS.map(tally));
  const isolate = number.toString(16).padStart(8, "0");
  const { epoch, version } = known;
  return JSON.stringify({ isolate, colo: "FRA", epoch, version, digest: "d", variants });
}
