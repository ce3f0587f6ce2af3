// Applies the fault of a drill in front of an upstream: "down" and "errors" send nothing; a number of
// milliseconds delays the request, until `signal` aborts.
export async function drilled(drill, fetching, signal) {
  if (drill === "errors") return new Response("A drill answers this.\n", { status: 503 });
  if (drill === "down") {
    throw Object.assign(new Error("a drill has it down"), { name: "NotReached" });
  }
  await scheduler.wait(Number(drill), { signal });
  return fetching();
}
