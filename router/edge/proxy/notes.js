// What Python is to learn with its next call, in the order in which it happened, a line each:
// "ok", the number of a way, the status and the time of its answer, which the client has;
// "again", the same of a repeated decision: the template's number, when the attempt began, the
// status and the time of its answer;
// "gone", the number of a way whose client has gone;
// "broke", and who broke an answer off (`Attribution`); "copy", the run that a copy counts for, the
// status of its answer (0: none) and how many milliseconds it took.

const MANY = 32; // Python learns them between two requests
const MOST = 256; // it learns them before it decides the next one

let told = [];
let isUrgent = false;

// Whether Python had better be asked about the next request, so that it learns of this: who
// breaks answers off may have to be taken out of service.
export function mustTell() {
  return isUrgent || told.length >= MOST;
}

// Whether enough have gathered to be told by themselves. Again and again, since the runtime may
// end a request before it has told them.
export function isMany() {
  return told.length > 0 && told.length % MANY === 0;
}

export function note(line) {
  told.push(line);
  isUrgent ||= line.startsWith("broke ");
}

// All of them since this was asked last.
export function notes() {
  if (!told.length) return "";
  const lines = told.join("\n");
  told = [];
  isUrgent = false;
  return lines;
}

// When a client goes away, the runtime drops what waits for its request, and nothing of that runs
// any more. Python would keep the way of such a request until thousands of others are there. So
// a way that waits is watched, and once V8 has found that nobody holds it, its end is noted.
const watched = new FinalizationRegistry((mark) => {
  if (mark.number) note(`gone ${mark.number}`);
});

// A mark for `way`: whoever follows it sets `number`, which Python waits by, and 0 at the end.
export function watch(way) {
  const mark = { number: 0 };
  watched.register(way, mark);
  return mark;
}
