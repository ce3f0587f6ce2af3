// D1 for data.py: a statement and its values go in as one string, and what they gave comes out
// as one. Nothing is decided here. Bytes, which JSON lacks, are `{"base64": …}` on both ways.

import { timely } from "../../../workers_runtime/timely.js";

const LATE = "no answer within"; // data.py knows it by these words

export async function ask(database, text, reads, within, most) {
  const began = Date.now();
  try {
    const [sql, params] = JSON.parse(text);
    const statements = params.map((values) => database.prepare(sql).bind(...values.map(bound)));
    const work = run(database, statements, reads);
    const [columns, rows, changes, meta] = await timely(work, within, LATE);
    const kept = fitting(rows, most);
    const took = Date.now() - began;
    const told = JSON.stringify({ columns, changes, meta, took, cut: kept.length < rows.length });
    return `{"rows":[${kept.join()}],${told.slice(1)}`;
  } catch (error) {
    return JSON.stringify({ error: error.message });
  }
}

// `raw` tells columns of the same name apart, and those of no rows; only `all` counts changes.
async function run(database, statements, reads) {
  if (reads) {
    const [columns, ...rows] = await statements[0].raw({ columnNames: true });
    return [columns ?? [], rows, 0, {}];
  }
  const given =
    statements.length === 1 ? [await statements[0].all()] : await database.batch(statements);
  const found = given.flatMap(({ results }) => results);
  const changes = given.reduce((sum, { meta }) => sum + meta.changes, 0);
  return [Object.keys(found[0] ?? {}), found.map(Object.values), changes, counted(given)];
}

function counted(given) {
  const sum = (name) => given.reduce((total, { meta }) => total + (meta[name] ?? 0), 0);
  const last_row_id = given.at(-1).meta.last_row_id ?? null;
  return { last_row_id, rows_read: sum("rows_read"), rows_written: sum("rows_written") };
}

// As JSON, the first rows that have no more than `most` characters together.
function fitting(rows, most) {
  const kept = [];
  let size = 0;
  for (const row of rows) {
    const text = JSON.stringify(row.map(told));
    size += text.length + 1;
    if (size > most) break;
    kept.push(text);
  }
  return kept;
}

function bound(value) {
  return value?.base64 === undefined ? value : Uint8Array.fromBase64(value.base64);
}

function told(value) {
  return Array.isArray(value) ? { base64: Uint8Array.from(value).toBase64() } : value;
}
