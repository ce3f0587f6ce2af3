// In front of several Workers: the first word of the host says whose a request is.

export default {
  fetch(request, env) {
    return env[new URL(request.url).hostname.split(".")[0]].fetch(request);
  },
};
