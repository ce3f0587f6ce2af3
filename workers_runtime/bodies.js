// Bodies of requests and answers, read as far as a limit allows. What is not read is cancelled.

// All bytes of a stream; null if they are more than `most`.
export async function bytes(stream, most) {
  const chunks = [];
  let size = 0;
  for await (const chunk of stream ?? []) {
    size += chunk.byteLength;
    if (size > most) return null; // which cancels the stream, or this branch of it
    chunks.push(chunk);
  }
  return new Blob(chunks).arrayBuffer();
}

// All of a stream as text; undefined if it has more than `most` bytes.
export async function text(stream, most) {
  const decoder = new TextDecoder();
  let size = 0;
  let read = "";
  for await (const chunk of stream ?? []) {
    size += chunk.byteLength;
    if (size > most) return undefined;
    read += decoder.decode(chunk, { stream: true });
  }
  return read + decoder.decode();
}

// At most `most` bytes of a stream, as text.
export async function beginning(stream, most) {
  if (!stream) return "";
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let read = "";
  for (let left = most; left > 0; ) {
    const { done, value } = await reader.read();
    if (done) return read;
    read += decoder.decode(value.subarray(0, left), { stream: true });
    left -= value.byteLength;
  }
  reader.cancel().catch(() => {});
  return read;
}
