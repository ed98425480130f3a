// The pages of the record: a search over events, and one run's story with what belongs together side by side.

import {get, path} from "./api.js";
import {fill, h, shown, span, time} from "./dom.js";

const FILTERS = [
  ["run_id", "Run"], ["tenant_id", "Tenant"], ["agent_id", "Agent"], ["actor", "For whom"], ["action", "Action"],
  ["reason", "Reason"], ["since", "Since"], ["until", "Until"],
];
const DECISIONS = ["", "allow", "approval_required", "stop"];
const PAGE = 100;

export function runsPage(main, {rest}) {
  if (rest[0]) return runPage(main, rest[0], rest[1]);
  const say = h("p", {class: "error", role: "alert"});
  const list = h("tbody");
  const more = h("button", {hidden: true}, "Older");
  const fields = new Map(FILTERS.map(([name, title]) => [name, h("input", {
    id: `f-${name}`, name, placeholder: name === "since" || name === "until" ? "2026-11-23T08:00:00Z" : "any", "aria-label": title,
  })]));
  const decision = h("select", {"aria-label": "Decision"}, DECISIONS.map((word) => h("option", {value: word}, word || "any decision")));
  let cursor = null;

  async function load(fresh) {
    if (fresh) {
      cursor = null;
      fill(list);
    }
    const query = new URLSearchParams({limit: String(PAGE), order: "desc"});
    for (const [name, field] of fields) if (field.value.trim() !== "") query.set(name, field.value.trim());
    if (decision.value !== "") query.set("decision", decision.value);
    if (cursor !== null) query.set("cursor", cursor);
    try {
      const answer = await get(`/v1/events?${query}`);
      fill(say);
      list.append(...answer.events.filter((event) => event.kind !== "access").map(row));
      cursor = answer.next_cursor ?? null;
      more.hidden = cursor === null;
      if (!list.hasChildNodes()) fill(say, "Nothing matches.");
    } catch (problem) {
      fill(say, problem.message);
    }
  }

  more.addEventListener("click", () => load(false));
  fill(main, h("h1", {}, "Runs"),
    h("form", {class: "filters", role: "search", onsubmit: (event) => {
      event.preventDefault();
      load(true);
    }}, [...fields.values()], decision, h("button", {class: "primary", type: "submit"}, "Search")),
    say,
    h("div", {class: "scroll"}, h("table", {class: "events"},
      h("thead", {}, h("tr", {}, ["When", "Run", "Step", "What", "Answer", "Why"].map((title) => h("th", {scope: "col"}, title)))), list)),
    more);
  load(true);
  return null;
}

/** What an event is about, in a word or two. */
function what(event) {
  if (event.kind === "decision") return event.action;
  if (event.kind === "result") return `result of ${event.action ?? "?"}`;
  if (event.kind === "approval") return event.change === "vote" ? (event.grant_vote ? "vote to grant" : "vote to deny") : `approval ${event.change}`;
  return [event.kind.replace("_", " "), event.change].filter(Boolean).join(" ");
}

function answer(event) {
  if (event.kind === "decision") return mark(event.decision, event.decision);
  if (event.kind === "result") return mark(event.change === "unreported" ? "stop" : "", event.result?.status ?? event.change);
  if (event.kind === "violation") return mark("stop", "violation");
  return "";
}

/** A word with its colour; the word alone says it too. */
function mark(decision, text) {
  return h("span", {class: `mark ${decision}`}, text.replace("_", " "));
}

function row(event) {
  return h("tr", {},
    h("td", {}, time(event.timestamp)),
    h("td", {}, event.run_id ? h("a", {href: `#/runs/${encodeURIComponent(event.run_id)}/${encodeURIComponent(event.tenant_id ?? "")}`}, event.run_id) : ""),
    h("td", {}, event.step_id ?? ""),
    h("td", {}, what(event), event.caller ? h("span", {class: "hint"}, ` by ${event.caller}`) : ""),
    h("td", {}, answer(event)),
    h("td", {}, event.kind === "decision" ? [event.reason, event.rule ? ` (${event.rule})` : ""] : ""));
}

function runPage(main, run, tenant) {
  const say = h("p", {class: "error", role: "alert"});
  const story = h("ol", {class: "story"});
  const head = h("p", {class: "hint"});
  fill(main, h("p", {}, h("a", {href: "#/runs"}, "← all runs")), h("h1", {}, "Run ", h("code", {}, run)), head, say, story);
  get(path`/v1/runs/${run}` + (tenant ? path`?tenant_id=${tenant}` : "")).then((answer) => {
    const events = answer.events;
    if (events.length === 0) {
      fill(say, "There is no such run.");
      return;
    }
    const first = events[0];
    const begin = new Date(first.timestamp).getTime();
    const end = Math.max(begin + 1, new Date(events.at(-1).timestamp).getTime());
    fill(head, `${first.agent_id ?? ""} · tenant ${first.tenant_id ?? "none"} · ${first.actor ? `for ${first.actor.id}` : "for itself"} · began `,
      time(first.timestamp), ` · ${span((end - begin) / 1000)} long · ${events.length} events`);
    fill(story, steps(events).map((step) => drawStep(step, begin, end)));
  }, (problem) => fill(say, problem.message));
  return null;
}

/** Events by what they belong to: a decision, what became of it, and what people did about it. */
function steps(events) {
  const bySeq = new Map();
  const out = [];
  for (const event of events) {
    const parent = event.of_seq !== undefined ? bySeq.get(event.of_seq) : undefined;
    const step = {event, parts: []};
    bySeq.set(event.seq, step);
    if (parent && event.kind !== "decision" && event.kind !== "approval") parent.parts.push(event);
    else out.push(step);
  }
  return out;
}

function drawStep({event, parts}, begin, end) {
  const at = new Date(event.timestamp).getTime();
  const until = parts.length > 0 ? new Date(parts.at(-1).timestamp).getTime() : at;
  const open = event.kind === "decision" && event.decision === "allow" && parts.length === 0;
  return h("li", {class: `step ${event.kind === "decision" ? event.decision : event.kind}`},
    h("div", {class: "when"}, `+${((at - begin) / 1000).toFixed(3)} s`),
    h("div", {class: "what"},
      h("p", {}, h("code", {}, event.step_id ?? ""), " ", h("strong", {}, what(event)), " ", answer(event), " ",
        event.kind === "decision" ? h("span", {class: "hint"}, `${event.layer ?? ""}: ${event.reason}${event.rule ? ` (${event.rule})` : ""}`) :
          h("span", {class: "hint"}, event.person ?? event.caller ?? "")),
      opened(event),
      parts.map((part) => h("p", {class: "part"}, "└ ", what(part), " ", answer(part),
        part.result?.duration_ms !== undefined ? ` in ${part.result.duration_ms} ms` : "", part.result?.error_code ? ` · ${part.result.error_code}` : "")),
      open ? h("p", {class: "part hint"}, "└ no result yet") : null,
      bar(at, until, begin, end),
      h("details", {}, h("summary", {}, `Event ${event.seq} as recorded`), h("pre", {}, JSON.stringify(event, null, 2)))));
}

function opened(event) {
  const entries = Object.entries(event.opened ?? {});
  if (entries.length === 0) return null;
  return h("dl", {class: "facts"}, entries.map(([name, value]) => [h("dt", {}, name), h("dd", {}, shown(value))]));
}

/** Where in the run, and how long, to scale. */
function bar(from, to, begin, end) {
  const x = 100 * (from - begin) / (end - begin);
  const width = Math.max(0.6, 100 * (to - from) / (end - begin));
  return h("svg", {class: "bar", viewBox: "0 0 100 3", preserveAspectRatio: "none", "aria-hidden": "true"},
    h("rect", {class: "track", width: "100", height: "3"}), h("rect", {class: "part", x: Math.min(x, 99.4), width, height: "3"}));
}
