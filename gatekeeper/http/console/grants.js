// Grants for more than one request: giving one, what is in use, taking it back.

import {get, path, post} from "./api.js";
import {fill, h, span, time} from "./dom.js";
import {argument} from "./words.js";

/** The part of a card by which a bounded grant is given; send(body) votes. */
export function boundedForm(approval, send) {
  const {max_uses: most, max_ttl_ms: ttl, pins} = approval.bounded;
  const id = approval.approval_id;
  const uses = h("input", {id: `uses-${id}`, type: "number", min: "1", max: String(most), value: String(most)});
  const minutes = h("input", {id: `minutes-${id}`, type: "number", min: "1", max: String(Math.floor(ttl / 60000) || 1),
    value: String(Math.floor(ttl / 60000) || 1)});
  const numbers = Object.entries(approval.shown ?? {}).filter(([name, value]) => typeof value === "number" && !pins.includes(name));
  const limits = numbers.map(([name, value], i) =>
    [name, h("input", {id: `most-${i}-${id}`, type: "number", step: "any", min: String(value), value: String(value)})]);
  const label = (input, ...words) => h("label", {for: input.id}, ...words, " ", input);

  function submit(event) {
    event.preventDefault();
    const short = ttl < 60000;
    send({
      bounded: {uses: Number(uses.value), at_most: Object.fromEntries(limits.map(([name, input]) => [name, Number(input.value)]))},
      ...(short ? {} : {valid_for: `${Number(minutes.value)}m`}),
    });
  }

  return h("details", {}, h("summary", {}, "Grant more than once"),
    h("form", {onsubmit: submit},
      h("p", {class: "hint"}, `For this run, actor and action only; ${pins.map(argument).join(", ")} must stay as shown. You can withdraw it at any time.`),
      label(uses, `Times (at most ${most})`), label(minutes, `Minutes (at most ${Math.floor(ttl / 60000) || 1})`),
      limits.map(([name, input]) => label(input, `${argument(name)} at most`)),
      h("button", {type: "submit", class: "primary"}, "Grant within these bounds")));
}

/** Bounded grants that can still be used, each with a way to take it back. */
export async function grantsInUse(place, identity) {
  const {approvals} = await get("/v1/approvals?status=granted");
  const open = approvals.filter((approval) => approval.bound);
  if (open.length === 0) {
    fill(place);
    return;
  }
  fill(place, h("h2", {}, "Bounded grants in use"), open.map((approval) => row(approval, place, identity)));
}

function row(approval, place, identity) {
  const {uses, used, at_most: limits} = approval.bound;
  const say = h("p", {class: "error", role: "alert"});
  const may = identity.can.includes("operator") ||
    (approval.rules ?? []).some((rule) => rule.groups.some((group) => (identity.groups ?? []).includes(group)));

  async function withdraw() {
    try {
      await post(path`/v1/approvals/${approval.approval_id}/revoke`, {});
      await grantsInUse(place, identity);
    } catch (problem) {
      fill(say, problem.message);
    }
  }

  return h("article", {class: "card"},
    h("h3", {}, h("code", {}, approval.action)),
    h("p", {}, `${approval.agent_id}, run ${approval.run_id}: ${used} of ${uses} used`,
      Object.entries(limits).map(([name, most]) => `, ${argument(name)} at most ${most}`), ", ends ", time(approval.grant_until)),
    say,
    may ? h("div", {class: "vote"}, h("button", {class: "danger", onclick: withdraw}, "Withdraw")) : null);
}

/** Who else is asked, and when. */
export function escalation(approval) {
  return (approval.rules ?? []).filter((rule) => (rule.escalate_to ?? []).length > 0).map((rule) => {
    const who = rule.escalate_to.join(", ");
    if (rule.escalated) return h("p", {class: "hint"}, `Nobody answered: ${who} may decide too.`);
    if (!rule.escalates_at) return null;
    const left = (new Date(rule.escalates_at).getTime() - Date.now()) / 1000;
    return h("p", {class: "hint"}, `${who} may decide too in ${span(left)}.`);
  });
}
