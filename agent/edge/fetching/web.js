// The JavaScript side of web.py: requests to the Internet, and their answers, read up to a limit.
// Nothing is decided here.

import { timely } from "../../../workers_runtime/timely.js";

// The answer, and its status and headers as JSON. Redirects are not followed.
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
  const { bytes, isCut } = await within(timeout, (signal) => taken(response.body, most, signal));
  return [bytes, isCut, String.fromCharCode(...bytes.subarray(0, sniffed))];
}

export async function text(env, bytes, charset) {
  return charset === "base64" ? bytes.toBase64() : new TextDecoder(charset).decode(bytes);
}

// The resolver's answer to each of the URLs.
export async function ask(env, urls, timeout, most) {
  const headers = { accept: "application/dns-json" };
  const one = async (url, signal) => {
    const response = await outbound(env)(url, { headers, redirect: "manual", signal });
    return new TextDecoder().decode((await taken(response.body, most, signal)).bytes);
  };
  const all = (signal) => Promise.all(JSON.parse(urls).map((url) => one(url, signal)));
  return JSON.stringify(await within(timeout, all));
}

function outbound(env) {
  return env.OUTBOUND ? (url, init) => env.OUTBOUND.fetch(url, init) : fetch;
}

// Reads at most `most` bytes. The stream is cancelled at the limit or by the signal.
async function taken(stream, most, signal) {
  const chunks = [];
  let size = 0;
  const reader = stream?.getReader();
  const giveUp = () => reader?.cancel().catch(() => {});
  signal.addEventListener("abort", giveUp);
  while (reader && most > 0 && size <= most) {
    const { done, value } = await reader.read();
    if (done) return { bytes: joined(chunks), isCut: false };
    chunks.push(value.subarray(0, most - size));
    size += value.byteLength;
  }
  giveUp();
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

// Limits the time of `work`, also if it ignores its signal.
async function within(timeout, work) {
  const controller = new AbortController();
  try {
    return await timely(work(controller.signal), timeout, "not within");
  } catch (error) {
    controller.abort(error);
    throw error;
  }
}
