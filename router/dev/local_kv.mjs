// One KV namespace of the local storage, for one process: a request a line on standard input,
// an answer a line on the descriptor that is the last argument. Opened as wrangler opens it,
// with the miniflare that wrangler brings, so that what one writes the other reads.
import { writeSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

const [wrangler, folder, id, descriptor] = process.argv.slice(2);
const { Miniflare, convertV4MiniflareOptions } = createRequire(wrangler)("miniflare");
// Another process may hold the storage for a moment, as a running router does.
const TRIES = 20;
const PAUSE_MS = 50;

const VERBS = {
  get: async ({ key }) => {
    const value = await kv.get(key, "arrayBuffer");
    if (value !== null) return { value: Buffer.from(value).toString("base64") };
    // Missing, or replaced by another process while it was read?
    const { keys } = await kv.list({ prefix: key });
    if (keys.some(({ name }) => name === key)) throw new Error(`${key} is being replaced`);
    return { value: null };
  },
  put: async ({ key, value, metadata }) => {
    await kv.put(key, Buffer.from(value, "base64"), metadata ? { metadata } : {});
    return {};
  },
  list: async ({ key }) => {
    const found = [];
    for (let cursor, done = false; !done; ) {
      const page = await kv.list({ prefix: key, cursor });
      found.push(...page.keys);
      [cursor, done] = [page.cursor, page.list_complete];
    }
    return { keys: found.map(({ name, metadata }) => ({ name, metadata: metadata ?? null })) };
  },
  delete: async ({ key }) => {
    await kv.delete(key);
    return {};
  },
};

async function patiently(work) {
  for (let left = TRIES; ; left--) {
    try {
      return await work();
    } catch (error) {
      if (left <= 1) throw error;
      await pause(PAUSE_MS);
    }
  }
}

async function answer({ verb, ...request }) {
  try {
    return await patiently(() => VERBS[verb](request));
  } catch (error) {
    return { error: String(error.message ?? error).split("\n")[0] };
  }
}

async function open() {
  const runtime = new Miniflare(options);
  try {
    return { runtime, kv: await runtime.getKVNamespace("NAMESPACE") };
  } catch (error) {
    await runtime.dispose().catch(() => {});
    throw error;
  }
}

const options = convertV4MiniflareOptions({
  script: "addEventListener('fetch', (e) => e.respondWith(new Response(null, { status: 404 })))",
  resourcePersistencePath: folder,
  kvNamespaces: { NAMESPACE: id },
  cf: false,
});
const { runtime, kv } = await patiently(open);
for await (const line of createInterface({ input: process.stdin })) {
  const told = Buffer.from(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
  for (let sent = 0; sent < told.length; ) sent += writeSync(Number(descriptor), told, sent);
}
await runtime.dispose();
