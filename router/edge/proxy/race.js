// Hedging: two attempts at one request, the second only if the first is slow.

import { send } from "./sending.js";
import { isBroken } from "./uploads.js";

// Sends the request as `first` describes, and if no answer has begun after `after` ms, also as
// `second` does. The first answer with a status not in `codes` wins, and the other request is
// aborted; without such an answer the last attempt wins. Returns `{response, outcome}`: the winning
// answer, and a `Raced`.
export async function race({ env, request }, first, second, after, codes) {
  const refused = codes ? codes.split(" ").map(Number) : [];
  const attempts = [begun(env, request, refused, first)];
  if (!(await settles(attempts[0].good, after))) {
    attempts.push(begun(env, request, refused, second));
  }
  const goods = attempts.map((attempt) => attempt.good);
  const winner = await Promise.any(goods).catch(() => attempts.at(-1));
  for (const attempt of attempts) if (attempt !== winner) giveUp(attempt);
  const outcome = [Date.now(), attempts.indexOf(winner), ...attempts.map(({ came }) => came)];
  return { response: winner.response, outcome };
}

// An attempt; its `good` is fulfilled with it when a good answer begins.
function begun(env, request, refused, sent) {
  const controller = new AbortController();
  const attempt = { controller, response: undefined, came: null };
  const work = async () => {
    const sending = send(env, request, sent, undefined, controller);
    if (sending === undefined) throw Object.assign(new Error(), { name: "Unbound" });
    const response = (attempt.response = await sending);
    const { status, headers } = response;
    const head = sent.wantsHead ? [...headers] : [];
    attempt.came = [Date.now(), status, headers.get("retry-after"), "", "", false, false, head];
    if (refused.includes(status)) throw new Error("refused");
    return attempt;
  };
  attempt.good = work();
  attempt.good.catch((error) => {
    attempt.came ??= [Date.now(), 0, null, error.name, `${error}`, isBroken(request), false, []];
  });
  return attempt;
}

// Whether `promise` settles within `ms`.
async function settles(promise, ms) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  const first = await Promise.race([settled, late]);
  clearTimeout(timer);
  return first;
}

function giveUp({ controller, response, good }) {
  controller.abort();
  good.catch(() => {});
  response?.body?.cancel().catch(() => {});
}
