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

// The page as one list: a text as it stands there, or a tag's name with names and values of
// attributes; `/name` where it ends.
export async function marks(env, bytes, charset, watched) {
  const { tags, void: childless, attributes, most } = JSON.parse(watched);
  const found = [];
  const add = (mark) => {
    if (found.length >= most) throw new RangeError(`more than ${most} tags and texts`);
    found.push(mark);
  };
  const element = (element) => {
    const name = element.tagName;
    const values = attributes.map((each) => [each, element.getAttribute(each)]);
    add([name, ...values.filter(([, value]) => value !== null).flat()]);
    if (!childless.includes(name)) element.onEndTag(() => add([`/${name}`]));
  };
  const texts = ({ text }) => {
    if (typeof found.at(-1) === "string") found.push(found.pop() + text);
    else if (text) add(text);
  };
  const page = new Response(new TextDecoder(charset).decode(bytes));
  const rewriter = new HTMLRewriter().on(tags.join(","), { element }).onDocument({ text: texts });
  for await (const _ of rewriter.transform(page).body);
  return JSON.stringify(found);
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
