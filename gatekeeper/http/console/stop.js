// The emergency stop: what is stopped right now, stopping more in two deliberate steps, and lifting with a reason.

import {call, get, path, post} from "./api.js";
import {fill, h, time} from "./dom.js";

const SCOPES = [
  ["global", "Everything"], ["tenant", "One tenant"], ["agent", "One agent"], ["actor", "One person or system that agents act for"], ["run", "One run"],
];

export function stopPage(main, {identity}) {
  const may = identity.can.includes("operator");
  const say = h("p", {class: "error", role: "alert"});
  const list = h("div", {class: "cards"});
  const form = h("div");
  const state = {ended: false};

  async function refresh() {
    try {
      const {kill_switches: switches} = await get("/v1/kill-switches");
      if (state.ended) return;
      fill(list, switches.length === 0 ? h("p", {class: "empty"}, "Nothing is stopped.") : switches.map((each) => card(each)));
    } catch (problem) {
      if (!state.ended) fill(say, problem.message);
    }
  }

  function card(each) {
    const reason = h("input", {"aria-label": "Why it is lifted", placeholder: "Why it is lifted (needed)", maxlength: "1024"});
    const problemText = h("p", {class: "error", role: "alert"});
    const lift = async () => {
      if (reason.value.trim() === "") {
        fill(problemText, "A reason is needed.");
        reason.focus();
        return;
      }
      try {
        await call("DELETE", path`/v1/kill-switches/${each.id}`, {reason: reason.value.trim()});
        await refresh();
      } catch (problem) {
        fill(problemText, problem.message);
      }
    };
    return h("article", {class: "card stopped"},
      h("h2", {}, `${each.scope === "global" ? "Everything" : `${each.scope} ${each.actor_id ?? each.subject}`}${each.action ? ` · ${each.action}` : ""}`),
      each.reason ? h("p", {}, each.reason) : null,
      h("p", {class: "hint"}, `stopped by ${each.caller} `, time(each.thrown_at), each.expires_at ? [" · ends ", time(each.expires_at)] : " · until it is lifted"),
      may ? [problemText, h("div", {class: "vote"}, reason, h("button", {onclick: lift}, "Lift"))] : null);
  }

  function drawForm() {
    const scope = h("select", {id: "stop-scope"}, SCOPES.map(([word, text]) => h("option", {value: word}, text)));
    const subject = h("input", {id: "stop-subject", placeholder: "t_42"});
    const subjectLabel = h("label", {for: "stop-subject", hidden: true}, "Which one", subject);
    const action = h("input", {id: "stop-action", placeholder: "every action, or a glob such as refund.*"});
    const reason = h("input", {id: "stop-reason", maxlength: "1024", required: true});
    const expires = h("select", {id: "stop-expires"}, [["", "until it is lifted"], ["1h", "1 hour"], ["8h", "8 hours"], ["24h", "1 day"]]
      .map(([word, text]) => h("option", {value: word}, text)));
    scope.addEventListener("change", () => {
      subjectLabel.hidden = scope.value === "global";
    });
    fill(form, h("form", {onsubmit: (event) => {
      event.preventDefault();
      confirm({
        scope: scope.value, reason: reason.value.trim(),
        ...(scope.value === "global" ? {} : {id: subject.value.trim()}),
        ...(action.value.trim() === "" ? {} : {action: action.value.trim()}),
        ...(expires.value === "" ? {} : {expires_in: expires.value}),
      });
    }},
    h("h2", {}, "Stop"), h("label", {for: "stop-scope"}, "What", scope), subjectLabel,
    h("label", {for: "stop-action"}, "Actions", action), h("label", {for: "stop-reason"}, "Reason (needed)", reason),
    h("label", {for: "stop-expires"}, "For how long", expires), h("button", {class: "danger", type: "submit"}, "Go on…")));
  }

  /** The second step: in words, what is about to happen. */
  function confirm(body) {
    const text = `${body.scope === "global" ? "Every agent" : `${body.scope} ${body.id}`} will be stopped from doing ${body.action ?? "anything"}, at once, ${
      body.expires_in ? `for ${body.expires_in}` : "until somebody lifts it"}. It stands in the record with your name.`;
    const yes = h("button", {class: "danger solid", onclick: async () => {
      yes.disabled = true;
      try {
        await post("/v1/kill-switches", body);
        fill(say);
        drawForm();
        await refresh();
      } catch (problem) {
        fill(say, problem.message);
        drawForm();
      }
    }}, "Stop now");
    fill(form, h("div", {class: "card stopped", role: "alertdialog", "aria-label": "Stop now?"}, h("p", {}, text),
      h("div", {class: "vote"}, yes, h("button", {onclick: drawForm}, "Cancel"))));
    yes.focus();
  }

  fill(main, h("h1", {}, "Emergency stop"), say, list, form);
  if (may) drawForm();
  refresh();
  return () => {
    state.ended = true;
  };
}
