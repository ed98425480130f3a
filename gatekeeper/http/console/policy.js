// The page of the policy: what is in force, how it came to be so, its text and what has changed, and trying a request.

import {get, path} from "./api.js";
import {diffFolders, hunks} from "./diff.js";
import {fill, h, time} from "./dom.js";
import {tryOut} from "./explain.js";

const CHANGES = {loaded: "loaded at start", reloaded: "put in force", rolled_back: "rolled back to", rejected: "refused"};
const short = (digest) => digest.replace(/^sha256:/, "").slice(0, 12);

export function policyPage(main) {
  const say = h("p", {class: "error", role: "alert"});
  const now = h("section", {class: "card"});
  const history = h("section", {});
  const text = h("section", {"aria-live": "polite"});
  fill(main, h("h1", {}, "Policy"), say, now, history, text, tryOut());

  const told = async (work) => {
    try {
      fill(say);
      await work();
    } catch (problem) {
      fill(say, problem.message);
    }
  };
  const files = async (digest) => (await get(path`/v1/policy/${digest}`)).files;
  const show = (digest) => told(async () => {
    const found = await files(digest);
    fill(text, h("h2", {}, "Text of ", h("code", {}, short(digest))),
      found.map((file) => h("details", {open: found.length === 1}, h("summary", {}, file.name), h("pre", {tabindex: "0", "aria-label": file.name}, file.text))));
    text.scrollIntoView({block: "nearest"});
  });
  const compare = (from, to) => told(async () => {
    const [a, b] = await Promise.all([files(from), files(to)]);
    fill(text, h("h2", {}, "From ", h("code", {}, short(from)), " to ", h("code", {}, short(to))), drawDiff(diffFolders(a, b)));
    text.scrollIntoView({block: "nearest"});
  });

  told(async () => {
    const answer = await get("/v1/policy");
    drawNow(now, answer, show);
    drawHistory(history, answer, show, compare);
  });
  return null;
}

function drawNow(now, answer, show) {
  const since = answer.history.find((event) => event.policy === answer.digest && event.change !== "rejected");
  fill(now, h("h2", {}, "In force"),
    h("dl", {class: "facts"},
      [["digest", h("code", {}, answer.digest)], ["rules", answer.rules], ["since", since ? time(since.timestamp) : "longer than its history reaches"],
        ["by", since?.caller], ["why", since?.opened?.["/reason"]]]
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h("button", {onclick: () => show(answer.digest)}, "Show its text"));
}

function drawHistory(history, answer, show, compare) {
  const kept = [...new Set([answer.digest, ...answer.history.filter((event) => event.change !== "rejected").map((event) => event.policy)])];
  const cell = (title, ...children) => h("td", {"data-title": title}, children.some((child) => child) ? h("span", {}, children) : null);
  const row = (event) => {
    const refused = event.change === "rejected";
    const before = event.previous && event.previous !== event.policy && !refused;
    return h("tr", {},
      cell("When", time(event.timestamp)), cell("What", CHANGES[event.change] ?? event.change),
      cell("Digest", event.policy ? h("code", {}, short(event.policy)) : ""),
      cell("By", event.caller), cell("Why", event.opened?.["/reason"] ?? event.note ?? ""),
      cell("", refused || !event.policy ? null : h("span", {class: "row"},
        h("button", {class: "quiet", onclick: () => show(event.policy)}, "Text"),
        before ? h("button", {class: "quiet", onclick: () => compare(event.previous, event.policy)}, "Changes") : null)));
  };
  fill(history, h("h2", {}, "History"),
    h("div", {class: "scroll"}, h("table", {class: "events"},
      h("thead", {}, h("tr", {}, ["When", "What", "Digest", "By", "Why", "Look"].map((title) => h("th", {scope: "col"}, title)))),
      h("tbody", {}, answer.history.map(row)))),
    kept.length < 2 ? null : comparison(kept, answer.digest, compare));
}

/** Any two that were in force. */
function comparison(kept, inForce, compare) {
  const choice = (id, chosen) => h("select", {id}, kept.map((digest) =>
    h("option", {value: digest, selected: digest === chosen}, digest === inForce ? `${short(digest)} (in force)` : short(digest))));
  const from = choice("compare-from", kept[1]);
  const to = choice("compare-to", inForce);
  return h("form", {class: "filters", onsubmit: (event) => {
    event.preventDefault();
    compare(from.value, to.value);
  }}, h("label", {for: "compare-from"}, "From", from), h("label", {for: "compare-to"}, "To", to), h("button", {type: "submit"}, "Compare"));
}

function drawDiff(files) {
  if (files.length === 0) return h("p", {class: "empty"}, "They are the same.");
  const words = {"-": "removed: ", "+": "added: ", " ": ""};
  return files.map((file) => h("div", {class: "file"}, h("h3", {}, file.name, h("span", {class: "hint"}, ` ${file.what}`)),
    h("pre", {class: "diff", tabindex: "0", "aria-label": `Changes of ${file.name}`}, hunks(file.lines).map((line) => line === null
      ? h("span", {class: "skip-lines"}, "⋯\n")
      : h("span", {class: {"-": "gone", "+": "come", " ": ""}[line[0]]}, h("span", {class: "unseen"}, words[line[0]]), `${line[0]} ${line[1]}\n`)))));
}
