// What Python is to learn with its next call, in the order in which it happened, a line each:
// "ok", the number of a way, the status and the time of its answer, which the client has;
// "again", the same of a repeated decision: the template's number, when the attempt began, the
// status and the time of its answer;
// "broke", and who broke an answer off (`Blame`); "copy", the run that a copy counts for, the
// status of its answer (0: none) and how many milliseconds it took.

let told = [];

export function count() {
  return told.length;
}

export function note(line) {
  told.push(line);
}

// All of them since this was asked last.
export function notes() {
  if (!told.length) return "";
  const lines = told.join("\n");
  told = [];
  return lines;
}
