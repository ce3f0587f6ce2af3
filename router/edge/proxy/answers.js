// Answers on their way to clients. Who breaks one off is noted. The client sees its connection
// break, as it does without this.
//
// Watching costs a copy in the runtime, so what cannot break off is not watched: a short
// body whose length the runtime knows, though no header tells it, is in memory already. A
// compressed one would be unpacked by it, and is not watched either.

import { change } from "../runtime/headers.js";
import { note } from "./notes.js";
import { isBroken, knownLength, passage } from "./uploads.js";

const IN_MEMORY = 64 * 1024; // bytes; a longer one may be a stream of announced length
const EMPTY = [204, 205, 304];
const NONE = [];

// The variant's answer with changed headers, and without what only the router says; its body
// passes through unread.
export function changed({ response, request }, { removed, set, added, attribution }) {
  const renewed = copied(response, watched(response, request, attribution));
  const { headers } = renewed;
  for (const name of ours(response.headers)) headers.delete(name);
  change(headers, { removed, set, added });
  return renewed;
}

// The names of headers that only the router may say.
function ours(headers) {
  let found = NONE;
  for (const name of headers.keys()) {
    if (name.startsWith("x-router-")) found = [...found, name];
  }
  return found;
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

// The body of the answer to `request`; if it breaks off, it is noted of whom `attribution` tells.
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
