// The backend of every forwarder: answers at once, with a body that only it sends. A POST is
// answered when all of its body has arrived; a header of the answer has its size.

const ANSWER = "answered by the backend\n";

async function received(request) {
  const { byteLength } = await request.arrayBuffer();
  return new Response(ANSWER, { headers: { "x-received": String(byteLength) } });
}

export default {
  fetch(request) {
    return request.method === "POST" ? received(request) : new Response(ANSWER);
  },
};
