// The other half of bridge.py: each function is one crossing where there would be several.
// Nothing is decided here.

// The time, the method, the path and the header `Accept`, in lines.
export function read(request) {
  const { pathname } = new URL(request.url);
  return [Date.now(), request.method, pathname, request.headers.get("accept") ?? ""].join("\n");
}

// The body as text; undefined if it has more than `most` bytes.
export async function text(request, most) {
  const decoder = new TextDecoder();
  let total = 0;
  let text = "";
  for await (const chunk of request.body ?? []) {
    total += chunk.byteLength;
    if (total > most) return undefined; // which cancels the stream
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
