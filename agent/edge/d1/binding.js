// D1 for database.py: statements go in as one string, and what they gave comes out as one.
// Nothing is decided here. Bytes, which JSON lacks, are `{"bytes": base64}` on both ways;
// D1 itself gives them as a list of numbers.

export async function ask(database, text) {
  try {
    const statements = JSON.parse(text).map(([sql, params]) =>
      database.prepare(sql).bind(...params.map(bound)),
    );
    const given =
      statements.length === 1 ? [await statements[0].all()] : await database.batch(statements);
    return JSON.stringify({
      rows: given.map(({ results, meta }) => [results.map(row), meta.changes]),
    });
  } catch (error) {
    return JSON.stringify({ error: error.message });
  }
}

export function pause(ms) {
  return scheduler.wait(ms);
}

function bound(value) {
  return value?.bytes === undefined ? value : Uint8Array.fromBase64(value.bytes);
}

function row(values) {
  for (const [name, value] of Object.entries(values)) {
    if (Array.isArray(value)) values[name] = { bytes: Uint8Array.from(value).toBase64() };
  }
  return values;
}
