// What differs between two texts, line by line.

const CELLS_MAX = 4000000;

/** Lines of a and b in order, each [" ", line], ["-", line] or ["+", line]. */
export function diffLines(a, b) {
  const from = a === "" ? [] : a.replace(/\n$/, "").split("\n");
  const to = b === "" ? [] : b.replace(/\n$/, "").split("\n");
  let head = 0;
  while (head < from.length && head < to.length && from[head] === to[head]) head++;
  let tail = 0;
  while (tail < from.length - head && tail < to.length - head && from[from.length - 1 - tail] === to[to.length - 1 - tail]) tail++;
  const same = (line) => [" ", line];
  return [...from.slice(0, head).map(same), ...middle(from.slice(head, from.length - tail), to.slice(head, to.length - tail)),
    ...from.slice(from.length - tail).map(same)];
}

/** By the longest common subsequence; texts so long that it would take too long are shown as replaced. */
function middle(from, to) {
  const gone = (line) => ["-", line];
  const come = (line) => ["+", line];
  if (from.length * to.length > CELLS_MAX) return [...from.map(gone), ...to.map(come)];
  const width = to.length + 1;
  const length = new Uint32Array((from.length + 1) * width);
  for (let i = from.length - 1; i >= 0; i--) {
    for (let k = to.length - 1; k >= 0; k--) {
      length[i * width + k] = from[i] === to[k] ? length[(i + 1) * width + k + 1] + 1 : Math.max(length[(i + 1) * width + k], length[i * width + k + 1]);
    }
  }
  const out = [];
  let i = 0;
  let k = 0;
  while (i < from.length && k < to.length) {
    if (from[i] === to[k]) {
      out.push([" ", from[i]]);
      i++;
      k++;
    } else if (length[(i + 1) * width + k] >= length[i * width + k + 1]) {
      out.push(gone(from[i++]));
    } else {
      out.push(come(to[k++]));
    }
  }
  return [...out, ...from.slice(i).map(gone), ...to.slice(k).map(come)];
}

/** Files of two folders, [{name, text}], that differ: [{name, lines}], by name. */
export function diffFolders(a, b) {
  const old = new Map(a.map((file) => [file.name, file.text]));
  const now = new Map(b.map((file) => [file.name, file.text]));
  return [...new Set([...old.keys(), ...now.keys()])].sort()
    .filter((name) => old.get(name) !== now.get(name))
    .map((name) => ({name, what: !old.has(name) ? "new" : !now.has(name) ? "gone" : "changed", lines: diffLines(old.get(name) ?? "", now.get(name) ?? "")}));
}

/** Stretches of lines around changes; null stands for what is left out between them. */
export function hunks(lines, around = 3) {
  const keep = lines.map(([sign], i) => lines.slice(Math.max(0, i - around), i + around + 1).some(([other]) => other !== " ") || sign !== " ");
  const out = [];
  lines.forEach((line, i) => {
    if (keep[i]) out.push(line);
    else if (out.at(-1) !== null) out.push(null);
  });
  return out;
}
