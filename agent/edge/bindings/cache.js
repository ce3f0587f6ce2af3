// KV for cache.py. Nothing is decided here; a failure counts as a missing key.

import { timely } from "../../../workers_runtime/timely.js";

export async function get(kv, key, cacheTtl, patience) {
  try {
    return (await timely(kv.get(key, { cacheTtl }), patience)) ?? undefined;
  } catch {
    return undefined;
  }
}

// After the answer.
export function put(ctx, kv, key, text, expirationTtl) {
  ctx.waitUntil(kv.put(key, text, { expirationTtl }).catch(() => {}));
}
