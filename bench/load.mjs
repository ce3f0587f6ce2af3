// Requests of many users to one server, for a time or a number; tells the count as JSON.
// Its one argument is JSON: {url, headers, users, connections, seconds | amount}.

import autocannon from "autocannon";

const { url, headers, users, connections, seconds, amount } = JSON.parse(process.argv[2]);
const requests = Array.from({ length: users }, (_, user) => ({
  headers: { ...headers, "x-worker-id": `worker-${user}` },
}));
const limit = amount ? { amount } : { duration: seconds };
const result = await autocannon({ url, requests, connections, ...limit, timeout: 30 });

console.log(
  JSON.stringify({
    answered: result["2xx"],
    failed: result.non2xx + result.errors + result.timeouts,
    seconds: (result.finish - result.start) / 1000,
    p50_ms: result.latency.p50,
    p99_ms: result.latency.p99,
  }),
);
