// One run's story: decisions with what became of them, what people did, gaps and violations, each event with its proof.

import {bytes, get, path, text} from "./api.js";
import {fill, h, mark, shown, span, time, whom} from "./dom.js";
import {Damage, verifyEvent, whyNot} from "./verify.js";

const QUIET_MS = 60000;
const AROUND = ["gap", "boot", "kill_switch", "clock"];
const KEY = "gatekeeper.vkey";

export function runPage(main, run, tenant, identity) {
  const say = h("p", {class: "error", role: "alert"});
  const head = h("div", {});
  const story = h("ol", {class: "story"});
  fill(main, h("p", {}, h("a", {href: "#/runs"}, "← all events")), h("h1", {}, "Run ", h("code", {}, run)), head, say, story);
  get(path`/v1/runs/${run}` + (tenant ? path`?tenant_id=${tenant}` : "")).then(async (answer) => {
    const around = await lookAround(answer.events, identity);
    drawHead(head, answer);
    drawStory(story, answer, around);
  }, (problem) => fill(say, problem.status === 404 ? "There is no such run." : problem.message));
  return null;
}

/** What else happened in that time: restarts, stops, refusals.  Whoever may not see it sees the run all the same. */
async function lookAround(events, identity) {
  const since = events[0].timestamp;
  const until = events.at(-1).timestamp;
  if (!identity.can.includes("auditor")) return [];
  const answers = await Promise.allSettled(AROUND.map((kind) => get(path`/v1/events?kind=${kind}&since=${since}&until=${until}&order=asc`)));
  return answers.flatMap((each) => each.status === "fulfilled" ? each.value.events : []);
}

const at = (event) => new Date(event.timestamp).getTime();
const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

function drawHead(head, {events, let_go_before: letGo}) {
  const first = events[0];
  const decisions = events.filter((event) => event.kind === "decision");
  const of = (word) => decisions.filter((event) => event.decision === word).length;
  const violations = events.filter((event) => event.kind === "violation");
  const unreported = events.filter((event) => event.kind === "result" && event.change === "unreported");
  const conflicting = events.filter((event) => event.kind === "result" && event.change === "conflicting_result");
  fill(head,
    h("dl", {class: "facts"},
      [["agent", first.agent_id], ["tenant", first.tenant_id ?? "none"], ["for", whom(first.actor, first.opened)],
        ["began", time(first.timestamp)], ["lasted", span((at(events.at(-1)) - at(first)) / 1000)],
        ["answers", [mark("allow", `${of("allow")} allowed`), " ", mark("approval_required", `${of("approval_required")} asked a person`), " ",
          mark("stop", `${of("stop")} stopped`)]]]
        .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    alarm(violations, (n) => `${count(n, "violation")}: what wasn't allowed was done all the same`),
    alarm(unreported, (n) => `${count(n, "result")} never came`),
    alarm(conflicting, (n) => `${count(n, "result")} contradicted what was reported before`),
    letGo ? h("p", {class: "alarm"}, `Events before number ${letGo} have been let go by retention; the run may have begun earlier.`) : null);
}

function alarm(events, words) {
  return events.length === 0 ? null
    : h("p", {class: "alarm"}, h("strong", {}, words(events.length)), `, in step ${events.map((event) => event.step_id).join(", ")}.`);
}

/** Decisions with their results beside them; everything else on its own, in the order of the log. */
function stepsOf({events, steps}, around) {
  const bySeq = new Map(events.map((event) => [event.seq, event]));
  const paired = new Map(steps.map((step) => [step.decision, step.results.map((seq) => bySeq.get(seq)).filter(Boolean)]));
  const inside = new Set([...paired.values()].flat().map((event) => event.seq));
  return [...events.filter((event) => !inside.has(event.seq)), ...around.filter((event) => !bySeq.has(event.seq))]
    .sort((a, b) => a.seq - b.seq)
    .map((event) => ({event, parts: paired.get(event.seq) ?? []}));
}

function drawStory(story, answer, around) {
  const {events} = answer;
  const begin = at(events[0]);
  const scale = {begin, length: Math.max(1, at(events.at(-1)) - begin)};
  const resolved = new Map(events.filter((event) => event.kind === "approval" && ["granted", "denied", "expired"].includes(event.change))
    .map((event) => [event.of_seq, event]));
  let last = begin;
  const items = [];
  for (const step of stepsOf(answer, around)) {
    const now = at(step.event);
    if (now - last >= QUIET_MS) items.push(h("li", {class: "pause hint"}, `nothing for ${span((now - last) / 1000)}`));
    last = Math.max(now, ...step.parts.map(at));
    items.push(drawStep(step, resolved.get(step.event.seq), scale));
  }
  fill(story, items);
}

/** What an event is about, in a word or two. */
export function what(event) {
  const word = event.kind.replaceAll("_", " ");
  if (event.kind === "decision") return event.action;
  if (event.kind === "result") return `result of ${event.action ?? "?"}`;
  if (event.kind === "violation") return `${event.action ?? "?"} was done all the same`;
  if (event.kind === "approval") return event.change === "vote" ? (event.grant_vote ? "vote to grant" : "vote to deny") : `approval ${event.change}`;
  if (event.kind === "kill_switch") return `emergency stop ${event.change}`;
  if (event.kind === "boot") return "gatekeeper started";
  if (event.kind === "gap") return gap(event.gap ?? {});
  return [word, event.change?.replaceAll("_", " ")].filter(Boolean).join(" ");
}

/** What was counted instead of recorded one by one. */
function gap({what: word, count: n}) {
  if (word === "admission") return `${count(n, "request")} refused, too many at once`;
  if (word === "sign_in") return `${count(n, "sign-in")} failed`;
  return `disk: ${String(word).replaceAll("_", " ")}${n === undefined ? "" : `, over after ${span(n)}`}`;
}

export function answer(event) {
  if (event.kind === "decision") return mark(event.decision, event.decision.replaceAll("_", " "));
  if (event.kind === "result" && event.change !== "reported") return mark("stop", event.change.replaceAll("_", " "));
  if (event.kind === "result") return mark(event.result?.status === "ok" ? "allow" : "approval_required", event.result?.status ?? "");
  if (event.kind === "violation") return mark("stop", "violation");
  if (event.kind === "approval" && event.change === "vote") return "";
  if (event.kind === "approval") return mark({granted: "allow", used: "allow"}[event.change] ?? "stop", event.change);
  return "";
}

function why(event) {
  if (event.kind === "decision") return [event.reason, event.rule ? `rule ${event.rule}` : "", event.layer].filter(Boolean).join(" · ");
  return event.person ?? event.caller ?? "";
}

function drawStep({event, parts}, resolution, scale) {
  const outside = AROUND.includes(event.kind);
  const from = at(event);
  const to = parts.length > 0 ? at(parts.at(-1)) : resolution ? at(resolution) : from;
  const bad = event.kind === "violation" || parts.some((part) => part.kind === "violation" || part.change === "unreported");
  const open = event.kind === "decision" && event.decision === "allow" && parts.length === 0;
  return h("li", {class: `step ${event.kind} ${bad ? "bad" : ""} ${outside ? "outside" : ""}`},
    h("div", {class: "when"}, h("time", {datetime: event.timestamp, title: event.timestamp}, `+${clock(from - scale.begin)}`)),
    h("div", {class: "what"},
      h("p", {}, event.step_id ? [h("code", {}, event.step_id), " "] : "", h("strong", {}, what(event)), " ", answer(event), " ",
        h("span", {class: "hint"}, why(event))),
      opened(event),
      parts.map((part) => h("div", {class: "part"},
        h("p", {}, "↳ ", what(part), " ", answer(part), " ", h("span", {class: "hint"}, told(part, from))), record(part))),
      open ? h("p", {class: "part hint"}, "↳ no result yet", event.result_by ? [", due ", time(event.result_by)] : "") : null,
      resolution ? h("p", {class: "part hint"}, `↳ waited ${span((at(resolution) - from) / 1000)} for a person`) : null,
      outside ? null : bar(from, to, scale, bad ? "stop" : resolution ? "approval_required" : event.decision ?? ""),
      record(event)));
}

/** How long it took: as the agent says, and until it said so. */
function told(part, from) {
  const took = part.result?.duration_ms;
  return [took !== undefined ? `took ${clock(took)}` : "", `after ${clock(at(part) - from)}`, part.result?.error_code ?? ""].filter(Boolean).join(" · ");
}

function clock(ms) {
  if (ms < 1000) return `${ms} ms`;
  return ms < 60000 ? `${(ms / 1000).toFixed(1)} s` : span(ms / 1000);
}

function opened(event) {
  const values = Object.entries(event.opened ?? {}).map(([name, value]) => [name, shown(value)]);
  const gone = [...Object.keys(event.redacted ?? {}).map((name) => [name, h("em", {}, "redacted")]),
    ...(event.let_go ?? []).map((name) => [name, h("em", {}, "let go")])];
  const entries = [...values, ...gone];
  if (entries.length === 0) return null;
  return h("dl", {class: "facts"}, entries.map(([name, value]) => [h("dt", {}, name.replace(/^\//, "")), h("dd", {}, value)]));
}

/** Where in the run, and how long, to scale. */
function bar(from, to, scale, decision) {
  const x = 100 * (from - scale.begin) / scale.length;
  const width = Math.max(0.8, 100 * (to - from) / scale.length);
  return h("svg", {class: "bar", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true"},
    h("rect", {class: "track", width: "100", height: "4"}),
    h("rect", {class: `fill ${decision}`, x: Math.min(x, 99.2), width: Math.min(width, 100 - Math.min(x, 99.2)), height: "4"}));
}

/** The recorded event with its proof; drawn when it is opened. */
function record(event) {
  const details = h("details", {class: "record"}, h("summary", {}, `Event ${event.seq} as recorded`));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(recordBody(event));
  });
  return details;
}

function recordBody(event) {
  const say = h("div", {role: "status"});
  const check = h("button", {onclick: async () => {
    check.disabled = true;
    fill(say, h("p", {class: "hint"}, "Verifying…"));
    fill(say, await verdict(event));
    check.disabled = false;
  }}, "Verify in my browser");
  return h("div", {},
    h("pre", {tabindex: "0", "aria-label": `Event ${event.seq}`}, JSON.stringify(event, null, 2)),
    h("div", {class: "row"}, check,
      h("a", {href: `/v1/events/${event.seq}?raw=true`, download: `${event.seq}.json`}, "Its bytes"),
      h("a", {href: `/v1/events/${event.seq}/proof`, download: `${event.seq}.tlog-proof`}, "Its proof")),
    say);
}

/** The key that this person trusts, if they have said so; else the one that the server names. */
async function trustedKey() {
  const own = localStorage.getItem(KEY);
  return own === null ? {vkey: (await get("/v1/keys")).vkey, own: false} : {vkey: own, own: true};
}

async function verdict(event) {
  try {
    const unable = await whyNot();
    if (unable !== null) return h("p", {class: "alarm"}, unable);
    const [raw, proof, key] = await Promise.all([bytes(`/v1/events/${event.seq}?raw=true`), text(`/v1/events/${event.seq}/proof`), trustedKey()]);
    const found = await verifyEvent(event, raw, proof, key.vkey);
    return [
      h("p", {class: "good"}, h("strong", {}, `Event ${event.seq} is verified.`),
        " Its bytes are those that were recorded, they are in the log, and the log's head is signed."),
      h("dl", {class: "facts"}, [["leaf", h("code", {}, found.leaf)], ["log", `${found.origin}, ${found.size} events`],
        ["also signed by", found.witnesses.join(", ")]].filter(([, value]) => value !== "").map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      keyForm(key)];
  } catch (problem) {
    if (!(problem instanceof Damage)) return h("p", {class: "error"}, problem.message);
    return h("p", {class: "alarm"}, h("strong", {}, `Event ${event.seq} is not verified.`), ` ${problem.message}`);
  }
}

/** A key that the server names proves only that the server agrees with itself: people can bring their own. */
function keyForm({vkey, own}) {
  const field = h("input", {"aria-label": "Verifier key", value: vkey, spellcheck: "false"});
  const say = h("span", {role: "status"});
  const keep = () => {
    localStorage.setItem(KEY, field.value.trim());
    fill(say, "Kept in this browser: events are verified by it from now on.");
  };
  const forget = () => {
    localStorage.removeItem(KEY);
    fill(say, "Forgotten.");
  };
  return h("details", {}, h("summary", {}, own ? "By the key that you keep in this browser" : "By the key that this server names: compare it with yours"),
    h("div", {class: "vote"}, field, h("button", {onclick: keep}, "Trust this key"), own ? h("button", {onclick: forget}, "Forget it") : null, say));
}
