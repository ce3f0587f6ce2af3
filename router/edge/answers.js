// Bodies of answers on their way to clients: who breaks one off is told with the next
// request. The client sees its connection break, as it does without this.
//
// Watching costs a copy in the runtime, so what cannot break off is not watched: a short
// body whose length the runtime knows, though no header tells it, is in memory already. A
// compressed one would be unpacked by it, and is not watched either.

import { isBroken, knownLength, passage } from "./uploads.js";

const IN_MEMORY = 64 * 1024; // bytes; a longer one may be a stream of announced length

let brokenOff = [];

// Who broke an answer off since this was asked last, with spaces between.
export function takeBroken() {
  if (!brokenOff.length) return "";
  const told = brokenOff.join(" ");
  brokenOff = [];
  return told;
}

// The body of the answer to `request`; if it breaks off, `blamed` is told.
export function watched(response, request, blamed) {
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
      if (!request.signal.aborted && !isBroken(request)) brokenOff.push(blamed);
    });
  return through.readable;
}
