// What `work` gives, unless that takes longer than `ms`: then a TimeoutError whose message is
// `said` and the time. The work may go on, but nobody waits for it.
export async function timely(work, ms, said = "no answer in") {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`${said} ${ms} ms`);
      error.name = "TimeoutError";
      reject(error);
    }, ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
