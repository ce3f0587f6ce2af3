// The other half of web.py: requests to the Internet, and their answers, read so much and no
// more of them. Nothing is decided here.

// The answer, and its status and headers as JSON. Redirects are answers like others.
export async function send(env, url, init, timeout) {
  const { method, headers, body } = JSON.parse(init);
  const response = await within(timeout, (signal) =>
    outbound(env)(url, { method, headers, body, redirect: "manual", signal }),
  );
  const head = { status: response.status, headers: [...response.headers] };
  return [response, JSON.stringify(head)];
}

// At most `most` bytes of the body, whether there were more, and the first ones as Latin-1.
export async function read(env, response, most, sniffed, timeout) {
  const { bytes, isCut } = await within(timeout, () => taken(response.body, most));
  return [bytes, isCut, String.fromCharCode(...bytes.subarray(0, sniffed))];
}

export async function text(env, bytes, charset) {
  return charset === "base64" ? bytes.toBase64() : new TextDecoder(charset).decode(bytes);
}

// What a resolver answers to each of the URLs.
export async function ask(env, urls, timeout, most) {
  const headers = { accept: "application/dns-json" };
  const one = async (url, signal) => {
    const response = await outbound(env)(url, { headers, redirect: "manual", signal });
    return new TextDecoder().decode((await taken(response.body, most)).bytes);
  };
  const all = (signal) => Promise.all(JSON.parse(urls).map((url) => one(url, signal)));
  return JSON.stringify(await within(timeout, all));
}

function outbound(env) {
  return env.OUTBOUND ? (url, init) => env.OUTBOUND.fetch(url, init) : fetch;
}

async function taken(stream, most) {
  const chunks = [];
  let size = 0;
  if (most === 0) await stream?.cancel();
  else
    for await (const chunk of stream ?? []) {
      chunks.push(chunk.subarray(0, most - size));
      size += chunk.byteLength;
      if (size > most) break; // which cancels the stream
    }
  return { bytes: joined(chunks), isCut: size > most };
}

function joined(chunks) {
  const bytes = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

// Also what heeds no signal is given up in time.
async function within(timeout, work) {
  const controller = new AbortController();
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      const error = new DOMException(`not within ${timeout} ms`, "TimeoutError");
      reject(error);
      controller.abort(error);
    }, timeout);
  });
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
