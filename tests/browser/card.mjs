// What a card of the approvals page says, so that somebody who was never told about gatekeeper can decide at a glance.

import {PHONE, api, ask, check, findings, open, run, same, setup, signIn, test} from "./harness.mjs";

const HOSTILE = `"><img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
const cardOf = (page, words) => page.locator("article").filter({hasText: words});
const pastOf = (card) => card.locator(".past");
/** The card of a run, in sight; it may be drawn anew meanwhile. */
async function inSight(page, words) {
  const card = cardOf(page, words);
  await page.locator("[data-live=live]").waitFor();
  for (let tries = 0; ; tries++) {
    try {
      await card.scrollIntoViewIfNeeded();
      return card;
    } catch (error) {
      if (tries === 5 || !/not attached/.test(String(error))) throw error;
    }
  }
}
const report = (asked, body) => api("agent", "POST", `/v1/decisions/${asked.decision_id}/result`, body);

/** A run in which all goes wrong that can, then a question. */
async function troubled(run_id) {
  const at = (step, action, args = {}) => ask(step, action, args, {request: {run_id}});
  await report(await at("s1", "kb.read"), {status: "ok"});
  await report(await at("s2", "shell.run", {cmd: "secret-argument"}), {status: "ok"}); // stopped, and done all the same
  await report(await at("s3", "kb.search"), {status: "error", error: {code: "upstream.timeout"}});
  for (const step of ["s4", "s5", "s6", "s7"]) await report(await at(step, "kb.read"), {status: "ok"});
  return at("s8", "refund.create", {order: run_id, amount: 61});
}

test("a card says what had happened in the run, without a click, on a phone", async (browser) => {
  await troubled("past-1");
  const page = await open(browser, {viewport: PHONE});
  await signIn(page, "alice");
  const past = pastOf(await inSight(page, "past-1"));
  await past.getByText("7 steps: 6 allowed, 1 stopped, 1 error.").waitFor();
  check(await past.getByText("1 violation before it: what wasn't allowed was done all the same.").isVisible(), "the violation is in sight");
  const lines = (await past.locator("ol").first().locator("li").allInnerTexts()).map((text) => text.replace(/ · (just now|\d+ s ago)$/, ""));
  same(lines, ["allowed kb.read · ok · s7", "allowed kb.read · ok · s6", "allowed kb.read · ok · s5",
    "allowed kb.search · error · upstream.timeout · s3", "stopped shell.run · done all the same · no rule allows · s2"]);
  check(!await past.getByText("· s4").isVisible(), "what went well before is folded away");
  await past.getByText("2 more").click();
  await past.getByText("· s4").waitFor();
  check(!(await page.locator("main").innerText()).includes("secret-argument"), "no argument of an earlier step");
  check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the window");
  same(page.faults, []);
});

test("the first step of a run says that it is", async (browser) => {
  await ask("1", "refund.create", {order: "A-1", amount: 62}, {request: {run_id: "past-first"}});
  const page = await open(browser);
  await signIn(page, "alice");
  const card = await inSight(page, "past-first");
  await pastOf(card).getByText("First step of this run.").waitFor();
});

test("what is done while it waits is told", async (browser) => {
  const asked = await ask("1", "refund.create", {order: "A-1", amount: 63}, {request: {run_id: "past-since"}});
  await ask("2", "kb.read", {}, {request: {run_id: "past-since"}});
  await report(asked, {status: "ok"});
  const page = await open(browser);
  await signIn(page, "alice");
  const past = pastOf(await inSight(page, "past-since"));
  await past.getByText("1 violation since it asked").waitFor();
  await past.getByText("Since it asked: 1 step more.").waitFor();
});

test("of many cards only those in sight are asked for, and each once", async (browser) => {
  for (let i = 0; i < 40; i++) await ask("1", "refund.create", {order: `M-${i}`, amount: 64}, {request: {run_id: `many-${i}`}});
  const page = await open(browser, {viewport: PHONE});
  const seen = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/history")) seen.push(request.url());
  });
  await signIn(page, "alice");
  await page.getByText("First step of this run.").or(page.getByText("7 steps")).first().waitFor();
  check(seen.length > 0 && seen.length < 10, `${seen.length} were asked for`);
  const last = cardOf(page, "many-39");
  await last.scrollIntoViewIfNeeded();
  await last.locator(".past").getByText("First step of this run.").waitFor();
  check(seen.length < 30, `${seen.length} were asked for on the way to the last`);
  // drawn anew at the next news, from what is known
  await ask("1", "refund.create", {order: "M-new", amount: 64}, {request: {run_id: "many-new"}});
  await cardOf(page, "many-new").waitFor();
  await last.locator(".past").getByText("First step of this run.").waitFor();
  same(seen.length, new Set(seen).size, "asked for twice");
});

test("identical requests tell of each run", async (browser) => {
  await ask("0", "kb.read", {}, {request: {run_id: "alike-2"}});
  for (const run_id of ["alike-1", "alike-2"]) await ask("1", "refund.create", {order: "A-1", amount: 65}, {request: {run_id}});
  const page = await open(browser);
  await signIn(page, "alice");
  const card = await inSight(page, "alike-1");
  await card.getByText("2 identical requests").waitFor();
  await pastOf(card).filter({hasText: "Before in run alike-1"}).getByText("First step of this run.").waitFor();
  await pastOf(card).filter({hasText: "Before in run alike-2"}).getByText("1 step: 1 allowed.").waitFor();
});

test("the riskiest stand first, of those the one that was asked first, and each says its risk in a word", async (browser) => {
  for (const [run_id, action] of [["order-1", "pay.out"], ["order-2", "refund.create"], ["order-3", "wire.send"], ["order-4", "wire.send"]]) {
    await ask("1", action, {order: run_id, amount: 68}, {request: {run_id}});
  }
  const page = await open(browser);
  await signIn(page, "alice");
  await cardOf(page, "order-1").waitFor();
  const all = await page.locator("article").evaluateAll((cards) => cards.map((card) =>
    [/order-\d/.exec(card.innerText)?.[0], card.querySelector(".risk").innerText]).filter(([run]) => run));
  same(all, [["order-3", "High risk"], ["order-4", "High risk"], ["order-2", "Medium risk"], ["order-1", "Low risk"]]);
  // but for the one that a link names
  const {approval_id} = (await api("alice", "GET", "/v1/approvals?status=pending")).body.approvals.find((one) => one.run_id === "order-1");
  const linked = await open(browser, {path: `/#/approvals/${approval_id}`});
  await signIn(linked, "alice");
  await linked.locator("article").first().filter({hasText: "order-1"}).waitFor();
});

test("reasons and arguments are shown as people read them, and the record's words stay at hand", async (browser) => {
  await ask("1", "pay.out", {order: "A-1", amount: 66, customer: {name: "Ada", "a/b~c": 1}}, {request: {run_id: "words-1"}});
  const page = await open(browser);
  await signIn(page, "alice");
  const card = cardOf(page, "words-1");
  await card.getByText("Payment above limit", {exact: true}).waitFor();
  await card.getByText("payment_above_limit · rule bounded").waitFor();
  same(await card.locator(".args th").allInnerTexts(), ["amount", "customer › a/b~c", "customer › name", "order"]);
  same(await card.getByText("customer › name").getAttribute("title"), "/customer/name");
});

test("who may not grant is told why, and still what had happened", async (browser) => {
  await troubled("past-auditor");
  const page = await open(browser);
  await signIn(page, "operator");
  const card = await inSight(page, "past-auditor");
  await card.getByText("You may look, but you aren't an approver.").waitFor();
  same(await card.getByRole("button").count(), 0);
  await pastOf(card).getByText("7 steps").waitFor();
});

test("a history whose every word is hostile is text", async (browser) => {
  await troubled("past-hostile");
  const page = await open(browser, {viewport: PHONE});
  await page.route("**/history", async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    for (const step of body.steps) for (const name of Object.keys(step)) if (typeof step[name] === "string" && name !== "at") step[name] += HOSTILE;
    await route.fulfill({response: answer, body: JSON.stringify(body)});
  });
  await signIn(page, "alice");
  const past = pastOf(await inSight(page, "past-hostile"));
  await past.getByText("onerror").first().waitFor();
  for (const summary of await past.locator("summary").all()) await summary.click();
  same(await past.locator("img, script, [onerror]").count(), 0);
  check(!(await page.title()).includes("owned"), "nothing ran");
  check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the window");
  same(page.faults, []);
});

test("a history that can't be had leaves the card whole and says so", async (browser) => {
  await ask("1", "refund.create", {order: "A-1", amount: 67}, {request: {run_id: "past-broken"}});
  const page = await open(browser);
  await page.route("**/history", (route) => route.fulfill({status: 503, contentType: "application/problem+json",
    body: JSON.stringify({code: "journal_failed", status: 503, detail: "the journal is broken"})}));
  await signIn(page, "alice");
  const card = await inSight(page, "past-broken");
  await pastOf(card).getByText("What happened before can't be told: the journal is broken").waitFor();
  await card.getByRole("button", {name: "Grant once"}).waitFor();
});

test("cards with all that have no serious finding of axe, light and dark, desktop and phone", async (browser) => {
  await troubled("past-axe");
  for (const scheme of ["light", "dark"]) {
    for (const viewport of [PHONE, {width: 1280, height: 900}]) {
      const page = await open(browser, {scheme, viewport});
      await signIn(page, "alice");
      const past = pastOf(await inSight(page, "past-axe"));
      await past.getByText("7 steps").waitFor();
      same(await findings(page), [], scheme);
      if (setup.images) await page.screenshot({path: `${setup.images}/card-${viewport.width}-${scheme}.png`});
      await page.context().close();
    }
  }
});

await run();
