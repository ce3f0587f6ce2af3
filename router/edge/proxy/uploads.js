// Bodies of requests on their way to variants. When a client breaks one off, it is `isBroken`,
// so that no variant is blamed for what comes of it.
//
// Of a stream whose length is not told, a variant would take the breaking off for the end
// (seen on workerd: a service binding loses the error). So such a stream never breaks off: it
// does not go on, its `failed` is rejected, and `abort`, which is whoever sends it to set,
// ends the whole request.

// `util.inspect` shows under this name how many bytes a stream of the runtime's has.
const LENGTH = Object.getOwnPropertySymbols(ReadableStream.prototype).find(
  (symbol) => symbol.description === "length",
);
const SHORT = 16 * 1024; // bytes: what a client sends at once, without waiting for an answer
const FOREVER = new Promise(() => {});
// With these the runtime makes no request that has a body, it only passes one on as it is.
const BODILESS = ["GET", "HEAD"];
const NOTHING = {}; // as often as anybody likes

const broken = new WeakSet(); // requests whose bodies broke off

export function isBroken(request) {
  return broken.has(request);
}

// How many bytes a stream of the runtime's has, if that is known.
export function knownLength(stream) {
  return stream[LENGTH];
}

// The length of the body of a request; undefined if it is not told.
function lengthOf({ body, headers }) {
  const stated = headers.get("content-length");
  return knownLength(body) ?? (stated === null ? undefined : Number(stated));
}

// A stream that takes what another one has, and says at once how long that is.
export function passage(length) {
  return length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
}

// The body of `request` as it comes; undefined if it has none, or goes on untouched.
// `limit`: bytes, of which it may not have more unless its length is told (-1: any number).
export function carried(request, limit) {
  const { body } = request;
  if (!body) return undefined;
  const length = lengthOf(request);
  if (Number(length) === 0) return NOTHING;
  if (request.bodyUsed) throw named("UploadBroken", "the body has been sent already");
  if (BODILESS.includes(request.method)) {
    if (length !== undefined || limit < 0) return undefined;
    throw named("BodyTooLarge", "nobody can say how large the body is");
  }
  if (length !== undefined) {
    const through = passage(length);
    piped(body, through, {}).catch(() => broken.add(request));
    return { stream: through.readable };
  }
  if (limit >= 0) return new Arriving(request, limit, 0).again();
  const { upload, fail } = begun(request);
  const through = passage(length);
  piped(body, through, { preventAbort: true }).catch(() => fail(brokenOff()));
  upload.stream = through.readable;
  return upload;
}

// Fails only if `stream` is broken itself: whoever does not read it to the end cancels it.
function piped(stream, through, how) {
  const done = stream.pipeTo(through.writable, { preventCancel: true, ...how });
  return done.catch(() => stream.cancel());
}

// Whether the body of `request` is read before it is sent: its length is told, and it is so
// short that it is there at once. A pipe through the runtime costs more than to read it.
export function isShort(request) {
  if (!request.body || BODILESS.includes(request.method)) return false;
  const length = lengthOf(request);
  return length > 0 && length <= SHORT;
}

// The body of `request`, read to its end, to be sent any number of times; undefined if the
// client breaks it off.
export async function kept(request) {
  try {
    const stream = await request.arrayBuffer();
    return { again: () => ({ stream }) };
  } catch {
    return undefined;
  }
}

// A short body, read to its end, as something to send.
export async function short(request) {
  const body = await kept(request);
  if (body) return body.again();
  broken.add(request);
  throw brokenOff();
}

// The body of `request`, which is sent on as it comes, and kept meanwhile: up to `most`
// bytes, beyond which there is no other time. Undefined if it has none.
export function arriving(request, limit, most) {
  return request.body ? new Arriving(request, limit, most) : undefined;
}

class Arriving {
  constructor(request, limit, most) {
    Object.assign(this, { request, limit, most, came: 0, told: lengthOf(request) });
    this.reader = request.body.getReader();
    // A chain of promises: each link has a chunk and, when somebody has asked, the next
    // link. What nobody can ask for any more, nothing holds.
    this.start = {};
  }

  // The body from its start; undefined if that is gone.
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
    if (this.told !== undefined) {
      const through = passage(this.told);
      upload.stream.pipeTo(through.writable).catch(() => {});
      upload.stream = through.readable;
    }
    return upload;
  }

  // All bytes; null if they are more than are kept, or the client breaks off.
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
    const { value } = await this.reader.read().catch(() => {
      throw brokenOff();
    });
    this.came += value?.byteLength ?? 0;
    if (this.came > this.most) this.start = undefined;
    if (this.limit >= 0 && this.came > this.limit) {
      throw named("BodyTooLarge", "the body is too large");
    }
    return { chunk: value };
  }
}

// A body to send, and what to call when it fails.
function begun(request) {
  const { promise: failed, reject } = Promise.withResolvers();
  failed.catch(() => {});
  const upload = { stream: undefined, failed, abort: undefined };
  const fail = (error) => {
    broken.add(request);
    reject(error); // before all that follows from the abort
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
