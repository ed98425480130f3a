// Builds elements from names, properties and children; text is always text, never markup.

/**
 * h("button", {class: "primary", onclick: f, disabled: true}, "Grant", icon)
 * A property that is null, undefined or false is left out; "on…" adds a listener; children that are null are skipped.
 */
export function h(tag, props = {}, ...children) {
  const element = tag === "svg" || svgTags.has(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

const svgTags = new Set(["g", "path", "rect", "circle", "line", "text", "polyline", "title"]);

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** Put other children in an element's place of its own. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/** A time as people read it, with the exact one to look at. */
export function time(iso, now = Date.now()) {
  if (!iso) return "–";
  const at = new Date(iso);
  return h("time", {datetime: iso, title: iso}, ago((now - at.getTime()) / 1000, at));
}

function ago(seconds, at) {
  if (seconds < -1) return `in ${span(-seconds)}`;
  if (seconds < 5) return "just now";
  if (seconds < 86400) return `${span(seconds)} ago`;
  return at.toISOString().slice(0, 16).replace("T", " ") + " UTC";
}

/** Seconds in at most two units that are neighbours. */
export function span(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const rest = Math.max(0, Math.round(seconds));
  const first = Math.max(0, units.findIndex(([name, size]) => rest >= size || name === "s"));
  return units.slice(first, first + 2)
    .map(([name, size], i) => [Math.floor((i === 0 ? rest : rest % units[first][1]) / size), name])
    .filter(([n], i) => n > 0 || i === 0)
    .map(([n, name]) => `${n} ${name}`)
    .join(" ");
}

/** A value of arguments: strings as they are, anything else as JSON. */
export function shown(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** For whom: the id, or the pseudonym that the record has of it; values are what may be seen beside the record. */
export function whom(actor, values) {
  if (!actor) return "itself";
  const roles = actor.roles?.length ? ` (${actor.roles.join(", ")})` : "";
  if (!/^p[1-9][0-9]{0,8}_[A-Za-z0-9_-]{22}$/.test(actor.id)) return `${actor.id}${roles}`;
  const id = values?.["actor.id"];
  return id === undefined ? `${actor.id}${roles}, a pseudonym` : `${id}${roles}, recorded as ${actor.id}`;
}

/** A word with its colour; the word alone says it too. */
export function mark(decision, text) {
  return h("span", {class: `mark ${decision}`}, text);
}
