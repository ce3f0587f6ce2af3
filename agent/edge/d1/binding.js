// D1 for database.py: statements as one string in, results as one string out. Nothing is decided
// here. Bytes, which JSON lacks, are `{"bytes": base64}` both ways; D1 returns them as a list of
// numbers.

export async function ask(database, text) {
  try {
    const statements = JSON.parse(text).map(([sql, params]) =>
      database.prepare(sql).bind(...params.map(bound)),
    );
    const results =
      statements.length === 1 ? [await statements[0].all()] : await database.batch(statements);
    return JSON.stringify({
      rows: results.map((result) => [result.results.map(row), result.meta.changes]),
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
