// The example policy's routes as far as reflare can express them: paths, weights and one
// response header. It has no regions, no sticky clients and no matching of headers.
// Its plain `fetch` leads to the backend: the Worker's outbound service is set to it.

import useReflare from "reflare";

const production = (weight) => ({ domain: "production.test", protocol: "http", weight });
const canary = (weight) => ({ domain: "canary.test", protocol: "http", weight });
const headers = { response: { "x-router-route": "reflare" } };

const routes = [
  { path: "/poll", methods: ["POST"], upstream: production(1), headers },
  {
    path: ["/register*", "/poll*", "/execute*", "/heartbeat*", "/activations*"],
    loadBalancing: { policy: "random" },
    upstream: [production(95), canary(5)],
    headers,
  },
  { path: ["/v0*", "/legacy-*"], upstream: production(1), headers },
  { path: "/*", upstream: production(1), headers },
];

const reflare = await useReflare({ provider: "static", routeList: routes });

export default {
  fetch(request) {
    return reflare.handle(request);
  },
};
