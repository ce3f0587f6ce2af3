// Waiting for something, but not for ever.

const LOOKS = 5; // at the clock, until time is over

// What `work` gives, unless that takes longer than `ms`: then a TimeoutError whose message is
// `said` and the time. The work may go on, but nobody waits for it; `late` gets its promise.
//
// Time is counted in several parts: while this isolate is busy with something else it hears no
// answer, and however long that takes, it is no more than one part of the time.
export async function timely(work, ms, said = "no answer in", late = undefined) {
  let timer;
  let looks = LOOKS;
  const over = new Promise((_, reject) => {
    const look = () => {
      timer = setTimeout(() => (--looks > 0 ? look() : reject(tooLate(said, ms))), ms / LOOKS);
    };
    look();
  });
  try {
    return await Promise.race([work, over]);
  } catch (error) {
    if (looks <= 0) late?.(work);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function tooLate(said, ms) {
  const error = new Error(`${said} ${ms} ms`);
  error.name = "TimeoutError";
  return error;
}
