// What had happened in a run before a person was asked: looked up for the cards that are in sight, and kept for a while.

import {get, path} from "./api.js";
import {fill, h, mark, time} from "./dom.js";
import {count, sentence} from "./words.js";

const KEPT_MS = 30000;
const FEW = 3; // of the latest are shown; of the others what went wrong
const said = {allow: "allowed", stop: "stopped", approval_required: "asked a person"};

/** One for a page: place(approval_id) gives the element that fills itself once somebody can see it. */
export function histories() {
  const known = new Map(); // approval_id → {at, answer}
  const waiting = new Set();
  const seen = new IntersectionObserver((entries) => {
    for (const {target, isIntersecting} of entries) if (isIntersecting) look(target);
  }, {rootMargin: "100px"});

  async function look(element) {
    const id = element.dataset.approval;
    if (waiting.has(id) || Date.now() - (known.get(id)?.at ?? 0) < KEPT_MS) return;
    waiting.add(id);
    try {
      const answer = await get(path`/v1/approvals/${id}/history`);
      known.set(id, {at: Date.now(), answer});
      show(id, () => drawn(answer));
    } catch (problem) {
      if (!known.has(id)) show(id, () => h("p", {class: "hint"}, `What happened before can't be told: ${problem.message}`));
    } finally {
      waiting.delete(id);
    }
  }

  /** The card may have been drawn anew since it was asked for. */
  function show(id, draw) {
    for (const element of document.querySelectorAll("[data-approval]")) {
      if (element.dataset.approval === id) fill(element, draw());
    }
  }

  return {
    place(id, title = "Before in this run") {
      const body = h("div", {class: "past-body", "data-approval": id},
        known.has(id) ? drawn(known.get(id).answer) : h("p", {class: "hint"}, "Looking…"));
      seen.observe(body);
      return h("section", {class: "past"}, h("h3", {}, title), body);
    },
    /** Before all places are drawn anew. */
    clear: () => seen.disconnect(),
  };
}

function drawn({steps, totals, complete, after, let_go_before: letGo}) {
  const few = steps.filter((step, i) => i < FEW || isBad(step));
  const rest = steps.filter((step) => !few.includes(step));
  return [
    alarm(totals.violations, "Before it"),
    alarm(after.violations, "Since it asked"),
    h("p", {}, summary(totals, complete && !letGo)),
    h("ol", {class: "steps"}, few.map(line)),
    rest.length > 0 ? h("details", {}, h("summary", {}, `${rest.length} more`), h("ol", {class: "steps"}, rest.map(line))) : null,
    totals.steps > steps.length ? h("p", {class: "hint"}, `The latest ${steps.length} of ${complete ? "" : "more than "}${totals.steps} steps.`) : null,
    letGo ? h("p", {class: "hint"}, "What is older has been let go by retention.") : null,
    after.steps > 0 ? h("p", {class: "hint"}, `Since it asked: ${after.complete ? "" : "more than "}${count(after.steps, "step")} more.`) : null];
}

/** What nobody should overlook. */
const isBad = (step) => step.violation || step.contradicted || step.decision === "stop" || (step.result !== null && step.result !== "ok");

function alarm(violations, when) {
  return violations > 0 ? h("p", {class: "alarm"}, h("strong", {}, count(violations, "violation")),
    ` ${when.toLowerCase()}: what wasn't allowed was done all the same.`) : null;
}

function summary(totals, whole) {
  if (totals.steps === 0) return whole ? "First step of this run." : "Nothing before it can be told any more.";
  const parts = [[totals.allow, "allowed"], [totals.stop, "stopped"], [totals.approval_required, "asked a person"]]
    .filter(([n]) => n > 0).map(([n, word]) => `${n} ${word}`);
  const wrong = [[totals.errors, "error"], [totals.unreported, "result that never came", "results that never came"]]
    .filter(([n]) => n > 0).map(([n, ...words]) => count(n, ...words));
  return `${whole ? "" : "More than "}${count(totals.steps, "step")}: ${[...parts, ...wrong].join(", ")}.`;
}

/** One step: what was said, what it was, what came of it. */
function line(step) {
  const word = step.approval ? `${said.approval_required}: ${step.approval}` : said[step.decision] ?? step.decision;
  const came = [
    step.violation ? h("strong", {class: "bad"}, "done all the same") : null,
    step.result === null ? null : h("span", {class: step.result === "ok" ? "fine" : "bad"}, sentence(step.result).toLowerCase()),
    step.error_code ? h("span", {class: "bad"}, step.error_code) : null,
    step.contradicted ? h("strong", {class: "bad"}, "contradicted later") : null,
    step.decision === "stop" ? h("span", {title: step.reason ?? ""}, sentence(step.reason).toLowerCase()) : null,
    step.decision === "allow" && step.result === null && !step.violation ? "no result yet" : null].filter(Boolean);
  return h("li", {}, mark(step.decision, word), " ", h("code", {}, step.action),
    came.map((part) => [" · ", part]), h("span", {class: "hint"}, " · ", step.step_id, " · ", time(step.at)));
}
