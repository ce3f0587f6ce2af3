// Two attempts at one request, the second one only if the first is slow.

import { send } from "./sending.js";

// Sends `request` as the first half of `both` says, and if no answer has begun after so many
// ms, as the second half says, too. The first answer is taken whose status is not among
// `codes`, and the other request is aborted; if there is no such answer, the last attempt's.
// Gives `{answer, told}`: the one that is taken, and in lines: its number from 0, then of
// each attempt that was made what came of it (nothing if it was aborted).
export async function race(env, request, after, codes, ...both) {
  const refused = codes ? codes.split(" ").map(Number) : [];
  const half = both.length / 2;
  const attempts = [begun(env, request, refused, both.slice(0, half))];
  if (!(await settles(attempts[0].good, after))) {
    attempts.push(begun(env, request, refused, both.slice(half)));
  }
  const goods = attempts.map((attempt) => attempt.good);
  const taken = await Promise.any(goods).catch(() => attempts.at(-1));
  for (const each of attempts) if (each !== taken) giveUp(each);
  const told = [attempts.indexOf(taken), ...attempts.map((each) => each.came)];
  return { answer: taken.answer, told: told.join("\n") };
}

// An attempt; its `good` is fulfilled with it when a good answer begins.
function begun(env, request, refused, [binding, url, removed, set, added, timeout, drill]) {
  const controller = new AbortController();
  const attempt = { controller, answer: undefined, came: "" };
  const where = [env, binding, request, url, removed, set, added, timeout, -1, undefined];
  const work = async () => {
    const sent = send(...where, drill, controller);
    if (sent === undefined) throw Object.assign(new Error(), { name: "Unbound" });
    attempt.answer = await sent;
    const { status, headers } = attempt.answer;
    attempt.came = `${status} ${headers.get("retry-after") ?? ""}`;
    if (refused.includes(status)) throw new Error(attempt.came);
    return attempt;
  };
  attempt.good = work();
  attempt.good.catch(({ name, message }) => {
    attempt.came ||= `${name} ${message}`.replaceAll("\n", " ");
  });
  return attempt;
}

// Whether it has come to anything within `ms`.
async function settles(promise, ms) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const settled = promise.then(() => true, () => true);
  const first = await Promise.race([settled, late]);
  clearTimeout(timer);
  return first;
}

function giveUp({ controller, answer, good }) {
  controller.abort();
  good.catch(() => {});
  answer?.body?.cancel().catch(() => {});
}
