// D1 for data.py: a statement and its values as one string in, the result as one string out.
// Nothing is decided here. Bytes, which JSON lacks, are `{"base64": …}` both ways.

import { timely } from "../../../workers_runtime/timely.js";

const LATE = "no answer within"; // data.py recognises it by these words

export async function ask(database, text, reads, within, most) {
  const began = Date.now();
  try {
    const [sql, params] = JSON.parse(text);
    const statements = params.map((values) => database.prepare(sql).bind(...values.map(bound)));
    const work = run(database, statements, reads);
    const [columns, rows, changes, meta] = await timely(work, within, LATE);
    const texts = fitting(rows, most);
    const took = Date.now() - began;
    const head = JSON.stringify({ columns, changes, meta, took, cut: texts.length < rows.length });
    return `{"rows":[${texts.join()}],${head.slice(1)}`;
  } catch (error) {
    return JSON.stringify({ error: error.message });
  }
}

// `raw` has columns of the same name, and columns without rows; only `all` counts changes.
async function run(database, statements, reads) {
  if (reads) {
    const [columns, ...rows] = await statements[0].raw({ columnNames: true });
    return [columns ?? [], rows, 0, {}];
  }
  const results =
    statements.length === 1 ? [await statements[0].all()] : await database.batch(statements);
  const rows = results.flatMap((result) => result.results);
  const changes = results.reduce((sum, { meta }) => sum + meta.changes, 0);
  return [Object.keys(rows[0] ?? {}), rows.map(Object.values), changes, counted(results)];
}

function counted(results) {
  const sum = (name) => results.reduce((total, { meta }) => total + (meta[name] ?? 0), 0);
  const last_row_id = results.at(-1).meta.last_row_id ?? null;
  return { last_row_id, rows_read: sum("rows_read"), rows_written: sum("rows_written") };
}

// The first rows as JSON, at most `most` characters together.
function fitting(rows, most) {
  const texts = [];
  let size = 0;
  for (const row of rows) {
    const text = JSON.stringify(row.map(encoded));
    size += text.length + 1;
    if (size > most) break;
    texts.push(text);
  }
  return texts;
}

function bound(value) {
  return value?.base64 === undefined ? value : Uint8Array.fromBase64(value.base64);
}

function encoded(value) {
  return Array.isArray(value) ? { base64: Uint8Array.from(value).toBase64() } : value;
}
