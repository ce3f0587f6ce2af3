// Answers to clients. An answer that a variant breaks off is noted for outlier detection; the
// client sees its connection break, as it would without this.
//
// Watching costs a copy in the runtime, so bodies that cannot break off are not watched: a short
// body whose length the runtime knows without a header is in memory already. Compressed bodies are
// not watched either, since watching would decompress them.

import { change } from "../runtime/headers.js";
import { note } from "./notes.js";
import { isBroken, knownLength, passage } from "./uploads.js";

const IN_MEMORY = 64 * 1024; // bytes; a longer one may be a stream of announced length
const EMPTY = [204, 205, 304];
const NONE = [];

// The variant's answer with changed headers, without those that only the router may set; its body
// passes through unread.
export function changed({ response, request }, { removed, set, added, attribution }) {
  const renewed = copied(response, watched(response, request, attribution));
  const { headers } = renewed;
  for (const name of ours(response.headers)) headers.delete(name);
  change(headers, { removed, set, added });
  return renewed;
}

// The names of headers that only the router may set.
function ours(headers) {
  let names = NONE;
  for (const name of headers.keys()) {
    if (name.startsWith("x-router-")) names = [...names, name];
  }
  return names;
}

// The body of an answer of that status.
export function giveable(status, body) {
  return EMPTY.includes(status) ? null : body;
}

// A copy whose headers can be changed; an upgraded connection keeps its socket.
function copied(response, body) {
  if (response.status !== 101) return new Response(body, response);
  const { webSocket, headers } = response;
  return new Response(null, { status: 101, webSocket, headers });
}

// The body of the answer to `request`; if it breaks off, that is noted with `attribution`.
function watched(response, request, attribution) {
  const { body, headers } = response;
  if (!body) return body;
  const length = knownLength(body);
  if (length <= IN_MEMORY && !headers.has("content-length")) return body;
  if (headers.has("content-encoding")) return body;
  const through = passage(length);
  // `cancel` fails if the variant's side is broken. It is, too, when the client has gone
  // away, or has broken off what it was sending.
  body
    .pipeTo(through.writable, { preventCancel: true })
    .catch(() => body.cancel())
    .catch(() => {
      if (!request.signal.aborted && !isBroken(request)) note(`broke ${attribution}`);
    });
  return through.readable;
}
