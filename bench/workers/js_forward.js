// The least a forwarder can do in JavaScript.

export default {
  fetch(request, env) {
    return env.BACKEND.fetch(request);
  },
};
