// The overview: what has been decided, what people were asked, how full limits are, and how the log is.

import {get} from "./api.js";
import {meter, number, timeChart, topChart} from "./charts.js";
import {fill, h, span, time} from "./dom.js";

const REFRESH_MS = 30000;
const LIMITS = 50; // the fullest; there may be one for each tenant and person
const RANGES = [["1", "last hour"], ["24", "last 24 hours"], ["168", "last 7 days"], ["720", "last 30 days"]];
const LISTS = [["reasons", "Why not", "reason"], ["actions", "Actions", "action"], ["agents", "Agents", "agent_id"], ["tenants", "Tenants", "tenant_id"]];

export function overviewPage(main, {identity, query}) {
  const range = h("select", {id: "o-range"}, RANGES.map(([hours, words]) => h("option", {value: hours, selected: hours === (query.get("hours") ?? "24")}, words)));
  const tenant = h("input", {id: "o-tenant", placeholder: "all that you see", value: query.get("tenant_id") ?? "", autocapitalize: "none", spellcheck: "false"});
  const say = h("p", {class: "error", role: "alert"});
  const body = h("div", {"aria-live": "off"});
  const state = {ended: false, opened: new Set()};

  async function refresh() {
    const hours = Number(range.value);
    const params = new URLSearchParams({since: new Date(Date.now() - hours * 3600000).toISOString()});
    if (tenant.value.trim() !== "") params.set("tenant_id", tenant.value.trim());
    try {
      const [found, limits, waiting, stops, told] = await Promise.all([get(`/v1/overview?${params}`), get(`/v1/limits?limit=${LIMITS}`),
        get("/v1/approvals?status=pending"), get("/v1/kill-switches"), targets()]);
      if (state.ended) return;
      fill(say);
      // a table that somebody has opened stays open when the numbers are drawn anew
      const opened = [...body.querySelectorAll("section")].map((section) => section.querySelector("details")?.open ?? false);
      const focused = body.contains(document.activeElement);
      if (focused && opened.length > 0) return;
      draw(body, {found, limits, waiting: pendingOf(waiting.approvals, tenant.value.trim()), stops: stops.kill_switches, told, identity, since: params.get("since")});
      [...body.querySelectorAll("section")].forEach((section, i) => {
        const details = section.querySelector("details");
        if (details) details.open = opened[i] ?? false;
      });
    } catch (problem) {
      if (!state.ended) fill(say, problem.message);
    }
  }

  const change = () => {
    history.replaceState(null, "", `#/overview?${new URLSearchParams({hours: range.value, ...(tenant.value.trim() === "" ? {} : {tenant_id: tenant.value.trim()})})}`);
    refresh();
  };
  fill(main, h("h1", {}, "Overview"),
    h("form", {class: "filters", onsubmit: (event) => {
      event.preventDefault();
      change();
    }}, h("label", {for: "o-range"}, "Time", range), h("label", {for: "o-tenant"}, "Tenant", tenant), h("button", {type: "submit"}, "Show")),
    say, body);
  range.addEventListener("change", change);
  refresh();
  const timer = setInterval(() => {
    if (!document.hidden) refresh();
  }, REFRESH_MS);
  return () => {
    state.ended = true;
    clearInterval(timer);
  };
}

/** Where notifications go; null: this identity may not see it. */
const targets = () => get("/v1/notifications").then((answer) => answer.targets, () => null);

const pendingOf = (approvals, tenant) => tenant === "" ? approvals : approvals.filter((approval) => approval.tenant_id === tenant);

function draw(body, {found, limits, waiting, stops, told, identity, since}) {
  const search = identity.can.includes("auditor") ? (more) => `#/runs?${new URLSearchParams({...more, since})}` : () => null;
  fill(body,
    found.complete ? null : h("p", {class: "alarm"}, "There are more events than are counted at once: these numbers begin ", time(found.counted_since), "."),
    tiles(found, waiting, stops, search),
    section("Decisions over time", timeChart(found)),
    h("div", {class: "cards wide"}, LISTS.map(([key, title, param]) => section(title, topChart(title, found[key], (name) => search({[param]: name}))))),
    h("div", {class: "cards wide"}, section("People", people(found.approvals, waiting)), section("Budgets and limits", limitList(limits)),
      section("The log", health(found.log)), told === null ? null : section("Notifications", notifications(told))));
}

function section(title, ...children) {
  return h("section", {class: "card"}, h("h2", {}, title), children);
}

function tiles({decisions, unreported}, waiting, stops, search) {
  const tile = (n, words, href, bad) => h(href ? "a" : "div", {class: `tile ${bad && n > 0 ? "bad" : ""}`, href}, h("strong", {}, number(n)), h("span", {}, words));
  return h("div", {class: "tiles"},
    tile(decisions.allow, "allowed", search({decision: "allow"})),
    tile(decisions.approval_required, "asked a person", search({decision: "approval_required"})),
    tile(decisions.stop, "stopped", search({decision: "stop"})),
    tile(decisions.violations, decisions.violations === 1 ? "violation" : "violations", search({kind: "violation"}), true),
    tile(unreported, unreported === 1 ? "result missing" : "results missing", search({kind: "result"}), true),
    tile(waiting.length, "waiting now", "#/approvals"),
    tile(stops.length, stops.length === 1 ? "stop in force" : "stops in force", "#/stop", true));
}

const short = (ms) => ms < 1000 ? `${ms} ms` : span(ms / 1000);

function people(approvals, waiting) {
  const resolved = approvals.granted + approvals.denied + approvals.expired;
  const oldest = waiting.map((approval) => approval.asked_at).sort()[0];
  return facts([
    ["waiting now", oldest ? [number(waiting.length), ", the oldest since ", time(oldest)] : "nobody is asked"],
    ["granted", number(approvals.granted)], ["denied", number(approvals.denied)], ["expired", number(approvals.expired)],
    ...(resolved === 0 ? [] : [["half within", short(approvals.median_ms)], ["nine in ten within", short(approvals.p90_ms)], ["longest", short(approvals.longest_ms)]])]);
}

function limitList({limits, more}) {
  if (limits.length === 0) return h("p", {class: "empty"}, "The policy has none.");
  const row = (limit) => {
    const whose = limit.run_id ?? limit.subject ?? (limit.per === "global" ? "" : "nobody so far");
    return h("li", {},
      h("span", {class: "name"}, limit.rule, limit.shadow ? " (shadow)" : "", h("span", {class: "hint"}, ` ${limit.per} ${whose}`)),
      h("span", {class: "count"}, `${limit.used} of ${limit.allowed}${limit.unit ? ` ${limit.unit}` : ""}`),
      meter(limit.percent),
      limit.ends_at ? h("span", {class: "hint ends"}, `${limit.percent} % · begins anew `, time(limit.ends_at)) : h("span", {class: "hint ends"}, `${limit.percent} %`));
  };
  // the fullest, and not one rule alone
  const first = limits.filter((limit, i) => limits.slice(0, i).filter((other) => other.rule === limit.rule).length < 3).slice(0, 8);
  const rest = limits.filter((limit) => !first.includes(limit));
  return [h("ul", {class: "top"}, first.map(row)),
    rest.length > 0 ? h("details", {}, h("summary", {}, `${rest.length} more`), h("ul", {class: "top"}, rest.map(row))) : null,
    more ? h("p", {class: "hint"}, "There are others that aren't shown.") : null];
}

const bytes = (n) => n >= 1e9 ? `${(n / 1e9).toFixed(1)} GB` : `${Math.round(n / 1e6)} MB`;

const good = (ok, words) => h("span", {class: ok ? "fine" : "bad"}, words);

function notifications(told) {
  if (told.length === 0) return h("p", {class: "empty"}, "Nobody is notified: the configuration names no target.");
  return facts(told.map((target) => [target.name, [
    good(target.up, target.up ? "arrive" : "the last one didn't arrive"), ` · ${target.kind}, ${number(target.sent)} sent`,
    target.pending.length > 0 ? `, ${number(target.pending.length)} waiting` : "",
    target.dead.length > 0 ? good(false, `, ${number(target.dead.length)} given up`) : "",
    target.last_error && !target.up ? h("span", {class: "hint"}, ` · ${target.last_error}, `, time(target.last_error_at)) : ""]]));
}

function health(log) {
  return facts([
    ["decisions", good(log.not_ready === null, log.not_ready === null ? "are taken" : `are refused: ${log.not_ready.replaceAll("_", " ")}`)],
    ["events", number(log.size)],
    ["disk", good(log.space === "ok", {ok: `${bytes(log.free_bytes)} free`, low: `low: ${bytes(log.free_bytes)} free`, full: "full: new allows are stopped"}[log.space])],
    ["search index", log.index_lag < 10000 ? "up to date" : `${number(log.index_lag)} events behind`],
    ...(log.let_go_before > 0 ? [["retention", `events before ${number(log.let_go_before)} are let go`]] : []),
    ["witnesses", log.witnessed ? `a quorum has seen ${number(log.witnessed_size)} events` : "none are asked"],
    ...log.witnesses.map((one) => [one.name, one.cosigned_at ? [`${number(one.size)} events, `, time(one.cosigned_at),
      one.failures > 0 ? good(false, ` · failed ${number(one.failures)} ${one.failures === 1 ? "time" : "times"}`) : ""] :
      good(one.failures === 0, one.failures > 0 ? `hasn't answered, ${number(one.failures)} tries` : "not asked yet")]),
    ["log", log.origin]]);
}

function facts(rows) {
  return h("dl", {class: "facts"}, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
