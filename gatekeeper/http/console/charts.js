// Small charts in SVG that read well on a phone, each with its numbers as a table for whoever wants or needs them.

import {h} from "./dom.js";

/** Outcomes in the order in which they are stacked, from the bottom. */
export const OUTCOMES = [["allow", "allowed"], ["approval_required", "asked a person"], ["stop", "stopped"]];

const WIDTH = 600;
const HEIGHT = 150;
const two = (n) => String(n).padStart(2, "0");

export const number = (n) => n.toLocaleString("en");

/** A moment in UTC, as fine as spans of that many seconds need it. */
function label(iso, spanS) {
  const at = new Date(iso);
  const day = `${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`;
  const hour = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
  if (spanS >= 86400) return `${at.getUTCFullYear()}-${day}`;
  return spanS >= 3600 ? `${day} ${hour}` : hour;
}

export function swatch(word) {
  return h("svg", {class: "swatch", viewBox: "0 0 10 10", "aria-hidden": "true"}, h("rect", {class: `fill ${word}`, width: 10, height: 10, rx: 2}));
}

function table(caption, heads, rows) {
  return h("details", {}, h("summary", {}, "Numbers"),
    h("div", {class: "scroll"}, h("table", {class: "numbers"}, h("caption", {}, caption),
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", {scope: "col"}, head)))),
      h("tbody", {}, rows.map(([first, ...rest]) => h("tr", {}, h("th", {scope: "row"}, first), rest.map((cell) => h("td", {}, cell))))))));
}

/** Decisions over time: a column of outcomes for each span, violations as dots above it. */
export function timeChart({spans, span_s: spanS, decisions}) {
  const total = (span) => OUTCOMES.reduce((sum, [word]) => sum + span[word], 0);
  const most = Math.max(1, ...spans.map(total));
  const step = WIDTH / Math.max(1, spans.length);
  const words = (span) => `${label(span.at, spanS)} UTC: ${OUTCOMES.map(([word, text]) => `${span[word]} ${text}`).join(", ")}${
    span.violations > 0 ? `, ${span.violations} violations` : ""}`;
  const column = (span, i) => {
    let y = HEIGHT;
    const bars = OUTCOMES.filter(([word]) => span[word] > 0).map(([word]) => {
      const height = Math.max(1.5, (HEIGHT - 10) * span[word] / most);
      y -= height;
      return h("rect", {class: `fill ${word}`, x: (i * step + step * 0.1).toFixed(2), y: y.toFixed(2), width: (step * 0.8).toFixed(2), height: height.toFixed(2)});
    });
    const dot = span.violations > 0 ? h("rect", {class: "fill violation", x: (i * step + step * 0.1).toFixed(2), y: Math.max(0, y - 6).toFixed(2),
      width: (step * 0.8).toFixed(2), height: 4}) : null;
    return h("g", {}, h("title", {}, words(span)), h("rect", {class: "ground", x: (i * step).toFixed(2), width: step.toFixed(2), height: HEIGHT}), bars, dot);
  };
  const said = `${number(decisions.allow)} allowed, ${number(decisions.approval_required)} asked a person, ${number(decisions.stop)} stopped, ${
    number(decisions.violations)} violations; at most ${number(most)} in ${spanS >= 3600 ? `${spanS / 3600} h` : `${spanS / 60} min`}`;
  const ticks = [0, Math.floor(spans.length / 2), spans.length - 1].filter((i, at, all) => i >= 0 && all.indexOf(i) === at);
  return h("figure", {class: "chart"},
    h("div", {class: "legend"}, OUTCOMES.map(([word, text]) => h("span", {}, swatch(word), ` ${text}`)),
      decisions.violations > 0 ? h("span", {}, swatch("violation"), " violation") : null),
    h("div", {class: "plot"},
      h("span", {class: "most", "aria-hidden": "true"}, number(most)),
      h("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `Decisions over time: ${said}`},
        h("line", {class: "rule", x1: 0, x2: WIDTH, y1: 10, y2: 10}), h("line", {class: "rule", x1: 0, x2: WIDTH, y1: HEIGHT / 2 + 5, y2: HEIGHT / 2 + 5}),
        spans.map(column), h("line", {class: "rule base", x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT}))),
    h("div", {class: "ticks hint", "aria-hidden": "true"}, ticks.map((i) => h("span", {}, label(spans[i].at, spanS)))),
    h("figcaption", {class: "hint"}, `In UTC, ${spanS >= 3600 ? `${spanS / 3600} h` : `${spanS / 60} min`} each.`),
    table("Decisions over time", ["From (UTC)", ...OUTCOMES.map(([, text]) => text), "violations"],
      spans.filter((span) => total(span) > 0 || span.violations > 0).map((span) =>
        [label(span.at, spanS), ...OUTCOMES.map(([word]) => number(span[word])), number(span.violations)])));
}

/** Names with a bar of outcomes each, the longest first; link(name) gives where a name leads, or null. */
export function topChart(caption, rows, link) {
  const total = (row) => OUTCOMES.reduce((sum, [word]) => sum + row[word], 0);
  const most = Math.max(1, ...rows.map(total));
  if (rows.length === 0) return h("p", {class: "empty"}, "Nothing in this time.");
  const bar = (row) => {
    let x = 0;
    return h("svg", {class: "hbar", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true"},
      OUTCOMES.map(([word]) => {
        const width = 100 * row[word] / most;
        x += width;
        return h("rect", {class: `fill ${word}`, x: (x - width).toFixed(2), width: width.toFixed(2), height: 6});
      }));
  };
  return [h("ul", {class: "top"}, rows.map((row) => h("li", {},
    h("span", {class: "name"}, link(row.name) === null ? row.name : h("a", {href: link(row.name)}, row.name)),
    h("span", {class: "count"}, number(total(row))), bar(row)))),
  table(caption, ["Name", ...OUTCOMES.map(([, text]) => text)], rows.map((row) => [row.name, ...OUTCOMES.map(([word]) => number(row[word]))]))];
}

/** How full something is; the words beside it say it too. */
export function meter(percent) {
  const word = percent >= 100 ? "stop" : percent >= 80 ? "approval_required" : "allow";
  return h("svg", {class: "hbar", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true"},
    h("rect", {class: "track", width: 100, height: 6}), h("rect", {class: `fill ${word}`, width: Math.min(100, percent), height: 6}));
}
