// Bodies of requests to variants. If a client breaks its body off, the request is `isBroken`; while
// its body has not come whole, it is `isIncomplete`, and then `wholeSince` says when that was. So no
// variant is blamed for what a client does.
//
// In a stream of unknown length, a variant would take a break for the end (seen on workerd: a
// service binding loses the error). So such a stream never breaks: it stalls, its `failed` is
// rejected, and `abort`, which the sender sets, ends the whole request.

// Under this symbol `util.inspect` shows the length of a stream of the runtime.
const LENGTH = Object.getOwnPropertySymbols(ReadableStream.prototype).find(
  (symbol) => symbol.description === "length",
);
const SHORT = 16 * 1024; // bytes: what a client sends at once, without waiting for an answer
const FOREVER = new Promise(() => {});
// The runtime constructs no requests with a body and these methods; it only passes one on
// unchanged.
const BODILESS = ["GET", "HEAD"];
const NOTHING = {}; // an empty body, which can be sent any number of times

const broken = new WeakSet(); // requests whose bodies broke off
const incomplete = new WeakSet(); // requests whose bodies are under way
const whole = new WeakMap(); // request to the time when its body had come whole

export function isBroken(request) {
  return broken.has(request);
}

// Whether the body of `request` is being sent, and has not come whole: the variant may still wait
// for the client.
export function isIncomplete(request) {
  return incomplete.has(request);
}

// When the body of `request` had come whole; undefined if it has not, or was not watched.
export function wholeSince(request) {
  return whole.get(request);
}

function complete(request) {
  incomplete.delete(request);
  whole.set(request, Date.now());
}

// The length of a stream of the runtime, if it is known.
export function knownLength(stream) {
  return stream[LENGTH];
}

// The length of the body of a request; undefined if it is unknown.
function lengthOf({ body, headers }) {
  const stated = headers.get("content-length");
  return knownLength(body) ?? (stated === null ? undefined : Number(stated));
}

// A stream to pipe another one through, with its length, if that is known.
export function passage(length) {
  return length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
}

// The body of `request`, streamed; undefined if it has none, or passes unchanged. `limit`: the most
// bytes that a body of unknown length may have (-1: any number).
export function carried(request, limit) {
  const { body } = request;
  if (!body) return undefined;
  const length = lengthOf(request);
  if (Number(length) === 0) return NOTHING;
  if (request.bodyUsed) throw named("UploadBroken", "the body has been sent already");
  if (BODILESS.includes(request.method)) {
    if (length !== undefined || limit < 0) return undefined;
    throw named("BodyTooLarge", "the length of the body is unknown");
  }
  if (length !== undefined) {
    const through = passage(length);
    piped(request, through, {}).catch(() => broken.add(request));
    return { stream: through.readable };
  }
  if (limit >= 0) return new Arriving(request, limit, 0).again();
  const { upload, fail } = begun(request);
  const through = passage(length);
  piped(request, through, { preventAbort: true }).catch(() => fail(brokenOff()));
  upload.stream = through.readable;
  return upload;
}

// Rejects only if the body itself breaks: a reader that stops early cancels it.
function piped(request, through, how) {
  const { body } = request;
  incomplete.add(request);
  const piping = body.pipeTo(through.writable, { preventCancel: true, ...how });
  return piping.then(
    () => complete(request),
    () => body.cancel(),
  );
}

// Whether the body of `request` is read before it is sent: its length is known and so short that it
// arrives at once. Reading it costs less than a pipe through the runtime.
export function isShort(request) {
  if (!request.body || BODILESS.includes(request.method)) return false;
  const length = lengthOf(request);
  return length > 0 && length <= SHORT;
}

// The body of `request`, read to its end, to be sent any number of times. Throws an UploadBroken if
// the client breaks it off, an UploadLate if it has not sent all of it within `timeout` ms (0: any
// time).
export async function kept(request, timeout) {
  const reading = request.arrayBuffer().catch(() => {
    broken.add(request);
    throw brokenOff();
  });
  const stream = await (timeout ? within(reading, timeout) : reading);
  complete(request);
  return { again: () => ({ stream }) };
}

async function within(reading, timeout) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(named("UploadLate", "the body did not come in time")), timeout);
  });
  reading.catch(() => {}); // it may fail later than that
  try {
    return await Promise.race([reading, late]);
  } finally {
    clearTimeout(timer);
  }
}

// The body of `request`, streamed and kept for another attempt as long as it has at most `most`
// bytes. Undefined if it has none.
export function arriving(request, limit, most) {
  return request.body ? new Arriving(request, limit, most) : undefined;
}

class Arriving {
  constructor(request, limit, most) {
    Object.assign(this, { request, limit, most, came: 0, length: lengthOf(request) });
    this.reader = request.body.getReader();
    // A chain of promises: each link has a chunk and, once it was requested, the next link. Links
    // that no reader can reach any more are collected.
    this.start = {};
  }

  // The body from its start; undefined if the start was dropped.
  again() {
    if (!this.start) return undefined;
    const { upload, fail } = begun(this.request);
    let link = this.start;
    const pull = async (controller) => {
      try {
        link = await this.after(link);
      } catch (error) {
        fail(error);
        return FOREVER;
      }
      if (link.chunk) controller.enqueue(link.chunk);
      else controller.close();
    };
    upload.stream = new ReadableStream({ pull }, { highWaterMark: 0 });
    if (this.length !== undefined) {
      const through = passage(this.length);
      upload.stream.pipeTo(through.writable).catch(() => {});
      upload.stream = through.readable;
    }
    return upload;
  }

  // All bytes; null if they are more than are kept, or if the client breaks off.
  async copy() {
    const chunks = [];
    try {
      for (let link = this.start; (link = await this.after(link)).chunk; ) {
        if (!this.start) return null;
        chunks.push(link.chunk);
      }
    } catch {
      return null;
    }
    return new Blob(chunks).arrayBuffer();
  }

  after(link) {
    return (link.next ??= this.read());
  }

  async read() {
    incomplete.add(this.request);
    const { value } = await this.reader.read().catch(() => {
      throw brokenOff();
    });
    if (value) incomplete.delete(this.request);
    else complete(this.request);
    this.came += value?.byteLength ?? 0;
    if (this.came > this.most) this.start = undefined;
    if (this.limit >= 0 && this.came > this.limit) {
      throw named("BodyTooLarge", "the body is too large");
    }
    return { chunk: value };
  }
}

// A body to send, and the function to call when it fails.
function begun(request) {
  const { promise: failed, reject } = Promise.withResolvers();
  failed.catch(() => {});
  const upload = { stream: undefined, failed, abort: undefined };
  const fail = (error) => {
    broken.add(request);
    reject(error); // before the abort has effects
    upload.abort();
  };
  return { upload, fail };
}

function brokenOff() {
  return named("UploadBroken", "the client broke its body off");
}

function named(name, message) {
  return Object.assign(new Error(message), { name });
}
