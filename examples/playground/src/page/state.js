// What a session is at one moment, and what changed between two.

const FACTS = [
  ["exists", "Exists"],
  ["fingerprint", "Fingerprint"],
  ["principal", "Principal"],
  ["max_inactive_interval", "Idle limit (s)"],
  ["creation_time", "Created"],
  ["last_accessed_time", "Last access"],
];

/**
 * The facts and attributes of two states side by side, as `{ label, code, before, after, changed }`;
 * a value that is not there is undefined. Times are milliseconds since the epoch.
 */
export function compare(before, after) {
  const facts = FACTS.map(([key, label]) => row(key, label, before[key], after[key]));
  const names = new Set([...Object.keys(before.attributes), ...Object.keys(after.attributes)]);
  const attributes = [...names]
    .sort()
    .map((name) => row("attribute", name, before.attributes[name], after.attributes[name]));
  return [...facts, ...attributes];
}

function row(key, label, before, after) {
  const [was, is] = [before ?? undefined, after ?? undefined];
  return { key, label, before: was, after: is, changed: JSON.stringify(was) !== JSON.stringify(is) };
}

/** The change between two states in a few words; empty when there is none. */
export function summary(before, after, changes) {
  if (!before.exists && after.exists) return "session created";
  if (before.exists && !after.exists) return "session gone";
  if (before.fingerprint !== after.fingerprint) return "new id";
  return changes === 0 ? "" : `${changes} changed`;
}

export const isTime = (key) => key.endsWith("_time");
