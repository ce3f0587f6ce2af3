// Notes: events that Python learns with its next call, in their order, a line each:
// "ok", a request's number, the status and the time of its answer, which the client has;
// "again", the same of a repeated decision: the template's number, when the attempt began, the
// status and the time of its answer;
// "gone", the number of a request whose client has gone;
// "broke", and the variant that broke an answer off (`Attribution`); "copy", the run that a mirrored
// request counts for, the status of its answer (0: none) and how many milliseconds it took.

const MANY = 32; // Python learns them between two requests
const MOST = 256; // it learns them before it decides the next one

let lines = [];
let isUrgent = false;

// Whether Python should decide the next request, so that it learns the notes first: a variant that
// breaks answers off may have to be ejected.
export function mustTell() {
  return isUrgent || lines.length >= MOST;
}

// Whether enough notes have gathered for a call of their own. True for every MANY more, since the
// runtime may end a request before its call.
export function isMany() {
  return lines.length > 0 && lines.length % MANY === 0;
}

export function note(line) {
  lines.push(line);
  isUrgent ||= line.startsWith("broke ");
}

// All notes since the last call, as text.
export function notes() {
  if (!lines.length) return "";
  const text = lines.join("\n");
  lines = [];
  isUrgent = false;
  return text;
}

// When a client goes away, the runtime drops its request, and no code of it runs any more. Python
// would keep the request's state until thousands of others are there. So a waiting request is
// watched, and its end is noted once V8 has collected it.
const watched = new FinalizationRegistry((mark) => {
  if (mark.number) note(`gone ${mark.number}`);
});

// A mark for `way`: while it waits for Python's next effect `number` is its number, at the end 0.
export function watch(way) {
  const mark = { number: 0 };
  watched.register(way, mark);
  return mark;
}
