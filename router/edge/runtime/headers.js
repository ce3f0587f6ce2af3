// Changes of headers: a list of names to remove, and lists of alternating names and values.

export function change(headers, { removed, set, added }) {
  for (const name of removed) headers.delete(name);
  for (let i = 0; i < set.length; i += 2) headers.set(set[i], set[i + 1]);
  for (let i = 0; i < added.length; i += 2) add(headers, added[i], added[i + 1]);
}

// As in policies/http/changes.py: headers that are not joined with commas. Each `Set-Cookie` has a
// line of its own, which `append` does.
const SEPARATORS = { cookie: "; ", "user-agent": " ", server: " " };

function add(headers, name, value) {
  const separator = SEPARATORS[name];
  const before = separator ? headers.get(name) : null;
  if (before === null) headers.append(name, value);
  else headers.set(name, before ? before + separator + value : value);
}
