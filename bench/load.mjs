// Requests of many users to one server, for a time or a number; prints the count as JSON. Its one
// argument is JSON: {url, headers, places, paths, users, body, first, connections, seconds |
// amount}. Request number i asks path i % paths as user i % users. `first` is the number of the
// first one. Each connection has a part of the requests, so no two send the same request at once.

import autocannon from "autocannon";

const options = JSON.parse(process.argv[2]);
const { url, headers, places, paths, users, body, first, connections, seconds, amount } = options;

function request(number) {
  const path = number % paths;
  return {
    method: body ? "POST" : "GET",
    path: places[path % places.length].replace("#", path),
    headers: {
      ...headers,
      ...(body && { "content-type": "application/json" }),
      "x-worker-id": `worker-${number % users}`,
    },
    ...(body && { body }),
  };
}

// The number of different requests, or of all that are sent: a connection that has sent its part
// begins again.
const different = Math.max(users, paths, connections);
const count = amount ? Math.min(different, amount) : different;
let client = 0;

function setupClient(connection) {
  const part = [];
  for (let number = client; number < count; number += connections) {
    part.push(request(first + number));
  }
  connection.setRequests(part);
  client += 1;
}

// Each `sampleInt` ms autocannon checks whether all requests have been sent.
const limit = amount ? { amount, sampleInt: 100 } : { duration: seconds };
let begun; // when the requests have been built; autocannon's own `start` is before that
const running = autocannon({ url, setupClient, connections, ...limit, timeout: 30 });
running.on("start", () => {
  begun = Date.now();
});
const result = await running;

console.log(
  JSON.stringify({
    answered: result["2xx"],
    failed: result.non2xx + result.errors + result.timeouts,
    seconds: (result.finish.getTime() - begun) / 1000,
    p50_ms: result.latency.p50,
    p99_ms: result.latency.p99,
  }),
);
