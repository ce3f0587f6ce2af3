// Changes of headers, as bridge.py writes them: lists of strings as lines.

export function change(headers, removed, set, added) {
  if (removed) for (const name of removed.split("\n")) headers.delete(name);
  const replaced = lines(set);
  for (let i = 0; i < replaced.length; i += 2) headers.set(replaced[i], replaced[i + 1]);
  const more = lines(added);
  for (let i = 0; i < more.length; i += 2) add(headers, more[i], more[i + 1]);
}

// As in policies/decisions/changes.py: what is not joined with commas. Each `Set-Cookie` has a
// line of its own, which `append` does.
const SEPARATORS = { cookie: "; ", "user-agent": " ", server: " " };

function add(headers, name, value) {
  const separator = SEPARATORS[name];
  const before = separator && headers.get(name);
  if (before) headers.set(name, before + separator + value);
  else headers.append(name, value);
}

function lines(text) {
  return text ? text.split("\n") : [];
}
