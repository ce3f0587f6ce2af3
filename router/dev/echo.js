// The built-in echo Worker: says what reached it, so that a router can be watched
// without any Worker of one's own.
//
// One script stands behind every binding; the binding's `props` say for which variants.
// A body is counted as it streams by and never held.

export default {
  async fetch(request, env, ctx) {
    const variant = variantOf(request, ctx.props);
    const url = new URL(request.url);
    if (url.pathname === "/health" && request.method === "GET") {
      return Response.json({ status: "healthy", variant });
    }
    return Response.json({
      variant,
      method: request.method,
      host: url.host,
      path: url.pathname,
      query: url.search.slice(1),
      headers: Object.fromEntries(request.headers),
      body_bytes: await countBytes(request.body),
      attempt: Number.parseInt(request.headers.get("x-router-attempt"), 10) || 1,
    });
  },
};

// Variants that are versions of one Worker share its binding: then the router's header
// says which of them was meant. Those that have URLs are told by these.
function variantOf(request, { variants, urls = {} }) {
  const found = Object.keys(urls).find((name) => isAt(urls[name], request.url));
  if (found) return found;
  const named = request.headers.get("x-router-variant");
  return variants.includes(named) ? named : variants[0];
}

function isAt(base, url) {
  return url.startsWith(base) && ["/", "?", undefined].includes(url[base.length]);
}

async function countBytes(body) {
  let total = 0;
  for await (const chunk of body ?? []) total += chunk.byteLength;
  return total;
}
