// KV for cache.py. Nothing is decided here; what fails is as if there were nothing.

export async function get(kv, key, cacheTtl, patience) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, patience);
  });
  try {
    return (await Promise.race([kv.get(key, { cacheTtl }), late])) ?? undefined;
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

// After the answer.
export function put(ctx, kv, key, text, expirationTtl) {
  ctx.waitUntil(kv.put(key, text, { expirationTtl }).catch(() => {}));
}
