// Sends requests for callbacks.py: requests as one string in, replies as one string out. Nothing is
// decided here.

// `outbound`: a service binding, or undefined for the network.
export async function sendAll(outbound, text, timeout, most) {
  const answers = JSON.parse(text).map((request) =>
    send(outbound ?? globalThis, request, timeout, most),
  );
  return JSON.stringify(await Promise.all(answers));
}

async function send(via, { url, headers, body }, timeout, most) {
  const signal = AbortSignal.timeout(timeout);
  try {
    const init = { method: "POST", headers, body, redirect: "manual", signal };
    const answer = await via.fetch(url, init);
    await drain(answer.body, most).catch(() => {}); // only its status matters
    return { status: answer.status, retry_after: answer.headers.get("retry-after") };
  } catch (error) {
    return { error: signal.aborted ? `no answer in ${timeout} ms` : error.message };
  }
}

// Reads the answer so that its connection can be reused; a long one is cancelled.
async function drain(stream, most) {
  let size = 0;
  for await (const chunk of stream ?? []) {
    size += chunk.byteLength;
    if (size > most) return;
  }
}
