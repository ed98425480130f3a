// The page of approvals: what waits for a person, told so that it can be decided at a glance.

import {get, path, post} from "./api.js";
import {fill, h, shown, span, time, whom} from "./dom.js";
import {boundedForm, escalation, grantsInUse} from "./grants.js";
import {histories} from "./history.js";
import {follow} from "./live.js";
import {argument, sentence} from "./words.js";

const LATER_MS = 1000;
const TOLD = 5; // runs of identical requests whose story is told

export function approvalsPage(main, {identity, rest}) {
  const list = h("div", {class: "cards"});
  const inUse = h("section", {"aria-label": "Bounded grants in use"});
  const say = h("p", {class: "error", role: "alert"});
  const state = {ended: false, busy: new Set(), past: histories(), tell: (text) => fill(say, text)};
  async function refresh() {
    try {
      const {approvals} = await get("/v1/approvals?status=pending&order=risk");
      if (state.ended) return;
      fill(say);
      draw(list, alike(sort(approvals, rest[0])), identity, state, refresh);
      await grantsInUse(inUse, identity);
    } catch (problem) {
      if (!state.ended) fill(say, problem.message);
    }
  }

  let later = null;
  const live = follow(function look() {
    clearTimeout(later);
    // what somebody is writing in isn't drawn anew under their hands
    if (state.busy.size === 0 && !list.contains(document.activeElement)) refresh();
    else later = setTimeout(look, LATER_MS);
  });
  fill(main, h("h1", {}, "Approvals"), live.line, say, list, inUse);
  return () => {
    state.ended = true;
    clearTimeout(later);
    state.past.clear();
    live.end();
  };
}

/** The one that a link names first; else as the server has it: the riskiest, and of those the one that was asked first. */
function sort(approvals, wanted) {
  return [...approvals].sort((a, b) => (b.approval_id === wanted) - (a.approval_id === wanted));
}

/** Identical requests together, each group where its first one stands. */
function alike(approvals) {
  const groups = new Map();
  for (const approval of approvals) groups.set(approval.alike, [...(groups.get(approval.alike) ?? []), approval]);
  return [...groups.values()];
}

function draw(list, groups, identity, state, refresh) {
  state.past.clear();
  if (groups.length === 0) {
    fill(list, h("p", {class: "empty"}, "Nothing waits for a person."));
    return;
  }
  fill(list, groups.map((group) => card(group, identity, state, refresh)));
}

function whyNot(approval, identity) {
  if (!identity.can.includes("approver")) return "You may look, but you aren't an approver.";
  const asked = (approval.rules ?? []).flatMap((rule) => rule.groups ?? []);
  const mine = identity.groups ?? [];
  if (asked.length > 0 && !asked.some((group) => mine.includes(group))) {
    return `Only ${asked.join(" or ")} may decide this.`;
  }
  return null;
}

function facts(approval) {
  return h("dl", {class: "facts"},
    [["asks", approval.agent_id],
      ["for", whom(approval.actor, approval.shown)],
      ["tenant", approval.tenant_id],
      ["run, step", `${approval.run_id} · ${approval.step_id}`]]
      .filter(([, value]) => value)
      .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** Each rule that asks, in words; its code and name are what the record has. */
function reasons(approval) {
  return (approval.rules ?? []).map((rule) => h("p", {class: "why"}, h("strong", {}, sentence(rule.reason)), " ",
    h("span", {class: "hint"}, `${rule.reason} · rule ${rule.rule}`)));
}

function args(approval) {
  const entries = [...Object.entries(approval.shown ?? {}).filter(([name]) => name !== "actor.id").map(([name, value]) => [name, shown(value)]),
    ...Object.keys(approval.redacted ?? {}).map((name) => [name, h("em", {}, "redacted")])];
  if (entries.length === 0) return h("p", {class: "hint"}, "No arguments are shown: the operator has chosen none.");
  return h("table", {class: "args"}, h("caption", {}, "Shown arguments"),
    h("tbody", {}, entries.map(([name, value]) => h("tr", {}, h("th", {scope: "row", title: name}, argument(name)), h("td", {}, value)))));
}

/** Who has said what; "1 of 2 granted" alone doesn't say whom to talk to. */
function votes(approval) {
  return (approval.votes ?? []).map((vote) => h("p", {class: "hint"}, `${vote.person ?? vote.identity} said ${vote.grant ? "yes" : "no"} `, time(vote.at)));
}

/** What happened before in the run of each. */
function stories(group, past) {
  const told = group.slice(0, TOLD).map((one) => past.place(one.approval_id, group.length > 1 ? `Before in run ${one.run_id}` : undefined));
  return group.length <= TOLD ? told : [told, h("p", {class: "hint"}, `And ${group.length - TOLD} runs more.`)];
}

/** One card for all that are alike; each is still voted on by itself. */
function card(group, identity, state, refresh) {
  const [approval] = group;
  const id = approval.approval_id;
  const comment = h("input", {id: `comment-${id}`, maxlength: "1024", placeholder: "Comment (optional)", "aria-label": "Comment"});
  const say = h("p", {class: "error", role: "alert"});
  const no = whyNot(approval, identity);
  const left = (new Date(approval.expires_at).getTime() - Date.now()) / 1000;

  async function vote(word, more = {}) {
    let wrong = null;
    state.busy.add(id);
    fill(say);
    for (const one of group) {
      try {
        await post(path`/v1/approvals/${one.approval_id}/` + word, comment.value === "" ? more : {...more, comment: comment.value});
      } catch (problem) {
        wrong = problem.message;
      }
    }
    state.busy.delete(id);
    await refresh();
    if (wrong !== null) state.tell(wrong);
  }

  return h("article", {class: "card", "aria-labelledby": `title-${id}`},
    h("div", {class: "title"}, h("h2", {id: `title-${id}`}, h("code", {}, approval.action)),
      h("span", {class: `risk ${approval.risk}`}, `${sentence(approval.risk)} risk`)),
    reasons(approval),
    group.length > 1 ? h("p", {class: "tag"}, `${group.length} identical requests`) : null,
    facts(approval),
    group.length > 1 ? h("p", {class: "hint"}, `Runs: ${group.map((one) => one.run_id).join(", ")}. Each is decided by itself.`) : null,
    args(approval), stories(group, state.past), escalation(approval),
    h("p", {class: "hint"}, `${approval.granted ?? 0} of ${approval.needed ?? 1} granted · asked `, time(approval.asked_at),
      left > 0 ? ` · ${span(left)} left` : " · over"), votes(approval),
    say,
    no !== null ? h("p", {class: "hint"}, no) : h("div", {class: "vote"}, comment,
      h("button", {class: "primary", onclick: () => vote("grant")}, group.length > 1 ? `Grant all ${group.length}, once each` : "Grant once"),
      h("button", {class: "danger", onclick: () => vote("deny")}, group.length > 1 ? `Deny all ${group.length}` : "Deny")),
    no === null && group.length === 1 && approval.bounded ? boundedForm(approval, (more) => vote("grant", more)) : null);
}
