// The tests' own hand on Workers KV: the path is the key.

export default {
  async fetch(request, env) {
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (request.method === "PUT") {
      await env.POLICIES.put(key, await request.arrayBuffer());
      return new Response("put");
    }
    if (request.method === "DELETE") {
      await env.POLICIES.delete(key);
      return new Response("deleted");
    }
    if (key === "") return Response.json((await env.POLICIES.list()).keys);
    const value = await env.POLICIES.get(key, "arrayBuffer");
    return new Response(value, { status: value ? 200 : 404 });
  },
};
