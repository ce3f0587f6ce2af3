// Limiters that misbehave: the name of the limit says how.

import { DurableObject } from "cloudflare:workers";

export default {
  fetch() {
    return new Response("only for its limiters", { status: 404 });
  },
};

export class Limiter extends DurableObject {
  asked = 0;
  returned = 0;

  async take() {
    const [kind] = this.ctx.id.name.split("-");
    this.asked += 1;
    return ACTS[kind](this.asked, this.returned);
  }

  give_back(text) {
    this.returned += JSON.parse(text)[1];
  }
}

const GRANT = "[1, 1, 41, 0, 1000]";
const ACTS = {
  throw() {
    throw new Error("SECRET-INSIDE: the limiter is broken");
  },
  async hang() {
    await scheduler.wait(600_000);
  },
  nonsense: () => "{",
  nothing: () => undefined,
  short: () => "[1, 1]",
  // Fails once, then works.
  recover(asked) {
    if (asked === 1) throw new Error("not yet");
    return GRANT;
  },
  // Answers too late, so that it looks as if it hung, then works.
  // The same, and then says how much has been given back.
  late: (asked, returned) =>
    asked === 1
      ? scheduler.wait(400).then(() => "[1, 7, 0, 0, 1000]")
      : `[2, 1, ${returned}, 0, 1000]`,
  slow: (asked) => scheduler.wait(asked === 1 ? 400 : 0).then(() => GRANT),
};
