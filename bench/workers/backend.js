// What every forwarder forwards to: answers at once, with a body that only it sends.

export default {
  fetch() {
    return new Response("answered by the backend\n");
  },
};
