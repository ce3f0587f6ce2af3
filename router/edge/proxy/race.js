// Two attempts at one request, the second one only if the first is slow.

import { send } from "./sending.js";
import { isBroken } from "./uploads.js";

// Sends the request as `first` says, and if no answer has begun after so many ms, as `second`
// says, too. The first answer is taken whose status is not among `codes`, and the other request
// is aborted; if there is no such answer, the last attempt's. Gives `{response, told}`: the one
// that is taken, and a `Raced`.
export async function race({ env, request }, first, second, after, codes) {
  const refused = codes ? codes.split(" ").map(Number) : [];
  const attempts = [begun(env, request, refused, first)];
  if (!(await settles(attempts[0].good, after))) {
    attempts.push(begun(env, request, refused, second));
  }
  const goods = attempts.map((attempt) => attempt.good);
  const taken = await Promise.any(goods).catch(() => attempts.at(-1));
  for (const each of attempts) if (each !== taken) giveUp(each);
  const told = [Date.now(), attempts.indexOf(taken), ...attempts.map((each) => each.came)];
  return { response: taken.response, told };
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

// Whether it has come to anything within `ms`.
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
