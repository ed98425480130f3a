// The search over the record: events by what they are about, newest first; each leads to its run.

import {get} from "./api.js";
import {fill, h, time} from "./dom.js";
import {answer, runPage, what} from "./run.js";

const FILTERS = [
  ["run_id", "Run"], ["tenant_id", "Tenant"], ["agent_id", "Agent"], ["actor", "For whom"], ["action", "Action"], ["reason", "Reason"],
];
const TIMES = [["since", "Since (UTC)"], ["until", "Until (UTC)"]];
const DECISIONS = [["", "any"], ["allow", "allow"], ["approval_required", "approval required"], ["stop", "stop"]];
const KINDS = [["", "any"], ["decision", "decisions"], ["result", "results"], ["violation", "violations"], ["approval", "approvals"],
  ["kill_switch", "emergency stops"], ["policy", "policy"], ["identity", "identities"], ["gap", "gaps"], ["access", "who looked"]];
const PAGE = 50;

/** "2026-11-23T08:00" of a field, in UTC, as the API wants it; and back. */
const toApi = (value) => value === "" ? "" : `${value.length === 16 ? `${value}:00` : value}Z`;
const fromApi = (value) => value.replace(/(\.\d+)?Z$/, "");

export function runsPage(main, {rest, query, identity}) {
  if (rest[0]) return runPage(main, rest[0], rest[1], identity);
  const fields = new Map();
  const field = (name, title, element, long = false) => {
    fields.set(name, element);
    return h("label", {for: `f-${name}`, class: long ? "long" : null}, title, element);
  };
  const text = ([name, title]) => field(name, title, h("input", {id: `f-${name}`, name, placeholder: "any", value: query.get(name) ?? "", autocapitalize: "none", spellcheck: "false"}));
  const moment = ([name, title]) => field(name, title, h("input", {id: `f-${name}`, name, type: "datetime-local", step: "1", value: fromApi(query.get(name) ?? "")}), true);
  const choice = (name, title, words) => field(name, title, h("select", {id: `f-${name}`, name},
    words.map(([word, shown]) => h("option", {value: word, selected: word === (query.get(name) ?? "")}, shown))));
  const say = h("p", {class: "hint", role: "status"});
  const list = h("tbody");
  const more = h("button", {hidden: true}, "Older");
  const table = h("div", {class: "scroll", hidden: true}, h("table", {class: "events"},
    h("thead", {}, h("tr", {}, ["When", "Run", "What", "Answer", "Why"].map((title) => h("th", {scope: "col"}, title)))), list));
  let cursor = null;

  function asked() {
    const params = new URLSearchParams();
    for (const [name, element] of fields) {
      const value = element.type === "datetime-local" ? toApi(element.value) : element.value.trim();
      if (value !== "") params.set(name, value);
    }
    return params;
  }

  async function load(fresh) {
    if (fresh) {
      cursor = null;
      fill(list);
    }
    const params = asked();
    params.set("limit", String(PAGE));
    params.set("order", "desc");
    if (cursor !== null) params.set("cursor", cursor);
    more.disabled = true;
    try {
      const found = await get(`/v1/events?${params}`);
      // that somebody looked is in the record too; it is shown to whoever asks for it
      list.append(...found.events.filter((event) => event.kind !== "access" || params.get("kind") === "access").map(row));
      cursor = found.next_cursor ?? null;
      more.hidden = cursor === null;
      table.hidden = !list.hasChildNodes();
      fill(say, list.hasChildNodes() ? "" : found.partial ? "Nothing matches so far." : "Nothing matches.",
        found.partial ? " Many events aren't indexed yet, and not all of them were looked at: More goes on." : "",
        found.let_go_before ? ` Events before number ${found.let_go_before} have been let go by retention.` : "");
    } catch (problem) {
      fill(say, h("span", {class: "error"}, problem.message));
    }
    more.disabled = false;
  }

  more.addEventListener("click", () => load(false));
  fill(main, h("h1", {}, "Runs"),
    h("form", {class: "filters", role: "search", onsubmit: (event) => {
      event.preventDefault();
      history.replaceState(null, "", `#/runs?${asked()}`);
      load(true);
    }}, FILTERS.map(text), choice("decision", "Decision", DECISIONS), choice("kind", "Kind", KINDS), TIMES.map(moment),
    h("button", {class: "primary", type: "submit"}, "Search")),
    say, table, more);
  load(true);
  return null;
}

function row(event) {
  const cell = (title, ...children) => h("td", {"data-title": title}, children.some((child) => child) ? h("span", {}, children) : null);
  return h("tr", {},
    cell("When", time(event.timestamp)),
    cell("Run", event.run_id ? [h("a", {href: `#/runs/${encodeURIComponent(event.run_id)}/${encodeURIComponent(event.tenant_id ?? "")}`}, event.run_id),
      event.step_id ? ` · ${event.step_id}` : ""] : ""),
    cell("What", what(event), h("span", {class: "hint"}, event.caller ? ` by ${event.caller}` : "")),
    cell("Answer", answer(event)),
    cell("Why", event.kind === "decision" ? [event.reason, event.rule ? h("span", {class: "hint"}, ` (${event.rule})`) : ""] : ""));
}
