// Trying a request: what would be decided, by which layer, and what each rule made of it.

import {get, post} from "./api.js";
import {fill, h, mark, time} from "./dom.js";

const EXAMPLE = JSON.stringify({
  run_id: "try", step_id: "1", tenant_id: "t_42", action: "refund.create", args: {order: "A-1001", amount: 120.5, currency: "EUR"},
  actor: {type: "user", id: "u_7", roles: ["support"]},
}, null, 2);
const SECTIONS = [["stop", "Stop"], ["allow", "Allow"], ["limits", "Limits"], ["budgets", "Budgets"], ["approvals", "Approvals"]];
const LAYERS = {retry: "a retry", kill_switch: "an emergency stop", access: "access", rate_limit: "a limit", budget: "a budget", approval: "an approval", journal: "the log itself"};

export function tryOut() {
  const caller = h("input", {id: "try-caller", list: "try-agents", placeholder: "an agent's identity", required: true, autocapitalize: "none", spellcheck: "false"});
  const agents = h("datalist", {id: "try-agents"});
  const request = h("textarea", {id: "try-request", rows: "11", spellcheck: "false"}, EXAMPLE);
  const say = h("p", {class: "error", role: "alert"});
  const out = h("div", {"aria-live": "polite"});
  get("/v1/identities").then(({identities}) => {
    const names = identities.filter((each) => each.can.includes("agent")).map((each) => each.id);
    fill(agents, names.map((name) => h("option", {value: name})));
    if (names.length === 1 && caller.value === "") caller.value = names[0];
  }, () => {});
  return h("section", {}, h("h2", {}, "Try a request"),
    h("p", {class: "hint"}, "Nothing is decided, nothing is charged; that you asked is recorded."),
    h("form", {onsubmit: async (event) => {
      event.preventDefault();
      fill(say);
      try {
        draw(out, await post("/v1/decisions/explain", {caller: caller.value.trim(), request: JSON.parse(request.value)}));
      } catch (problem) {
        fill(out);
        fill(say, problem instanceof SyntaxError ? `The request isn't JSON: ${problem.message}` : problem.message);
      }
    }}, h("label", {for: "try-caller"}, "Who asks", caller), agents, h("label", {for: "try-request"}, "Request", request), say,
    h("div", {}, h("button", {class: "primary", type: "submit"}, "Explain"))), out);
}

function draw(out, answer) {
  const rules = answer.rules ?? [];
  fill(out, h("div", {class: "card"},
    h("p", {class: "verdict"}, "It would be ", mark(answer.would, {allow: "allowed", approval_required: "put before a person", stop: "stopped"}[answer.would] ?? answer.would),
      ` by ${LAYERS[answer.layer] ?? answer.layer}: `, h("strong", {}, answer.reason), answer.rule ? [", rule ", h("code", {}, answer.rule)] : "", "."),
    answer.approval ? h("p", {class: "hint"}, `${answer.approval.needed} ${answer.approval.needed === 1 ? "person" : "persons"} would have to grant it, until `,
      time(answer.approval.expires_at), ".") : null,
    answer.retry_after_ms ? h("p", {class: "hint"}, `It would be worth asking again after ${Math.ceil(answer.retry_after_ms / 1000)} s.`) : null,
    SECTIONS.map(([word, title]) => section(title, rules.filter((rule) => rule.section === word))),
    h("details", {}, h("summary", {}, "The whole answer"), h("pre", {tabindex: "0", "aria-label": "The whole answer"}, JSON.stringify(answer, null, 2)))));
}

function section(title, rules) {
  if (rules.length === 0) return null;
  const matching = rules.filter((rule) => rule.matches);
  const others = rules.filter((rule) => !rule.matches);
  return h("div", {class: "layer"}, h("h3", {}, title),
    matching.length > 0 ? h("ul", {class: "rules"}, matching.map(ruleItem)) : h("p", {class: "hint"}, "No rule matches."),
    others.length > 0 ? h("details", {}, h("summary", {}, `${others.length} ${others.length === 1 ? "other doesn't" : "others don't"} match`),
      h("ul", {class: "rules"}, others.map(ruleItem))) : null);
}

function ruleItem(rule) {
  return h("li", {class: rule.matches ? "matches" : ""},
    h("p", {}, h("strong", {}, rule.id), rule.shadow ? " (shadow)" : "", " ", h("span", {class: "hint"}, `${rule.reason} · ${rule.file}:${rule.line}`),
      rule.why ? h("span", {class: "hint"}, ` · ${rule.why}`) : ""),
    rule.when ? values(rule.when) : null);
}

/** A condition with what each part of it was. */
function values(when) {
  return h("div", {class: "when"}, h("p", {}, h("code", {}, when.text), " is ", h("strong", {}, when.value)),
    (when.parts ?? []).length > 0 ? h("dl", {class: "facts"}, when.parts.map((part) => [h("dt", {}, h("code", {}, part.text)), h("dd", {}, part.value)])) : null);
}
