// The page of the policy: what is in force, how it came to be so, its text, and what a request would be answered.

import {get, path, post} from "./api.js";
import {fill, h, time} from "./dom.js";

const EXAMPLE = JSON.stringify({
  run_id: "try", step_id: "1", tenant_id: "t_42", action: "refund.create", args: {order: "A-1001", amount: 120.5, currency: "EUR"},
  actor: {type: "user", id: "u_7", roles: ["support"]},
}, null, 2);

export function policyPage(main, {identity}) {
  const say = h("p", {class: "error", role: "alert"});
  const now = h("div", {class: "card"});
  const history = h("tbody");
  const text = h("div");
  fill(main, h("h1", {}, "Policy"), say, now,
    h("h2", {}, "History"),
    h("div", {class: "scroll"}, h("table", {}, h("thead", {}, h("tr", {}, ["When", "What", "By", "Digest"].map((title) => h("th", {scope: "col"}, title)))), history)),
    text, tryOut());

  async function show(digest) {
    try {
      const answer = await get(path`/v1/policy/${digest}`);
      fill(text, h("h2", {}, "Text of ", h("code", {}, digest.slice(0, 19), "…")),
        answer.files.map((file) => h("details", {}, h("summary", {}, file.name), h("pre", {tabindex: "0"}, file.text))));
    } catch (problem) {
      fill(say, problem.message);
    }
  }

  get("/v1/policy").then((answer) => {
    fill(now, h("p", {}, "In force: ", h("code", {}, answer.digest)), h("p", {class: "hint"}, `${answer.rules} rules`),
      h("button", {onclick: () => show(answer.digest)}, "Show its text"));
  }, (problem) => fill(say, problem.message));
  if (identity.can.includes("auditor")) {
    get("/v1/events?kind=policy&order=desc&limit=50").then((answer) => {
      fill(history, answer.events.map((event) => h("tr", {},
        h("td", {}, time(event.timestamp)), h("td", {}, event.change), h("td", {}, event.caller),
        h("td", {}, event.policy ? h("button", {class: "quiet", onclick: () => show(event.policy)}, event.policy.slice(0, 19), "…") : ""))));
    }, (problem) => fill(say, problem.message));
  }
  return null;
}

function tryOut() {
  const caller = h("input", {id: "try-caller", placeholder: "the agent's identity"});
  const request = h("textarea", {id: "try-request", rows: "10", spellcheck: "false"}, EXAMPLE);
  const say = h("p", {class: "error", role: "alert"});
  const out = h("pre", {hidden: true});
  return h("form", {onsubmit: async (event) => {
    event.preventDefault();
    fill(say);
    try {
      const answer = await post("/v1/decisions/explain", {caller: caller.value.trim(), request: JSON.parse(request.value)});
      out.hidden = false;
      fill(out, JSON.stringify(answer, null, 2));
    } catch (problem) {
      fill(say, problem.message);
    }
  }}, h("h2", {}, "Try a request"), h("p", {class: "hint"}, "Nothing is decided; that you asked is recorded."),
  h("label", {for: "try-caller"}, "Who asks", caller), h("label", {for: "try-request"}, "Request", request), say,
  h("button", {type: "submit"}, "Explain"), out);
}
