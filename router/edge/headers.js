// Changes of headers, as bridge.py writes them: lists of strings as lines.

export function change(headers, removed, set, added) {
  if (removed) for (const name of removed.split("\n")) headers.delete(name);
  const replaced = lines(set);
  for (let i = 0; i < replaced.length; i += 2) headers.set(replaced[i], replaced[i + 1]);
  const more = lines(added);
  for (let i = 0; i < more.length; i += 2) headers.append(more[i], more[i + 1]);
}

function lines(text) {
  return text ? text.split("\n") : [];
}
