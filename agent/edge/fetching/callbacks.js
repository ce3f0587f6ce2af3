// The way out for callbacks.py: requests go in as one string, and what came of each comes out
// as one. Nothing is decided here.

// `outbound`: a service binding, or undefined for the network.
export async function sendAll(outbound, text, timeout, most) {
  const answers = JSON.parse(text).map((each) => send(outbound ?? globalThis, each, timeout, most));
  return JSON.stringify(await Promise.all(answers));
}

async function send(via, { url, headers, body }, timeout, most) {
  const signal = AbortSignal.timeout(timeout);
  try {
    const given = { method: "POST", headers, body, redirect: "manual", signal };
    const answer = await via.fetch(url, given);
    await drain(answer.body, most).catch(() => {}); // its status has said all
    return { status: answer.status, retry_after: answer.headers.get("retry-after") };
  } catch (error) {
    return { error: signal.aborted ? `no answer in ${timeout} ms` : error.message };
  }
}

// An answer that is read lets its connection be used again; a long one is broken off.
async function drain(stream, most) {
  let size = 0;
  for await (const chunk of stream ?? []) {
    size += chunk.byteLength;
    if (size > most) return;
  }
}
