// Approvals by several people, for several requests, and for no time at all, in a real browser.

import {PHONE, api, ask, check, open, run, same, signIn, test} from "./harness.mjs";

/** The card of a run. */
const cardOf = (page, words) => page.locator("article").filter({hasText: words});

test("two people in two browsers make a quorum, and one of them alone doesn't", async (browser) => {
  const asked = await ask("1", "wire.send", {amount: 5000}, {request: {run_id: "quorum"}});
  same([asked.decision, asked.approval.needed], ["approval_required", 2]);
  const [one, two] = [await open(browser), await open(browser)];
  await signIn(one, "alice");
  await signIn(two, "bob");
  await cardOf(one, "quorum").getByText("0 of 2 granted").waitFor();
  await cardOf(one, "quorum").getByRole("button", {name: "Grant once"}).click();
  await cardOf(two, "quorum").getByText("1 of 2 granted").waitFor();
  await cardOf(one, "quorum").getByText("1 of 2 granted").waitFor();
  await cardOf(one, "quorum").getByRole("button", {name: "Grant once"}).click();
  await one.getByRole("alert").filter({hasText: "voted already"}).waitFor();
  same((await api("agent", "GET", `/v1/approvals/${asked.approval.approval_id}`)).body.status, "pending");
  await cardOf(two, "quorum").getByRole("button", {name: "Grant once"}).click();
  await cardOf(two, "quorum").waitFor({state: "detached"});
  const allowed = await ask("2", "wire.send", {amount: 5000},
    {request: {run_id: "quorum", approval_id: asked.approval.approval_id}});
  same(allowed.decision, "allow");
  same([...one.faults, ...two.faults], []);
});

test("what expires while somebody looks at it can't be granted any more, and says so", async (browser) => {
  const page = await open(browser);
  await signIn(page, "alice");
  const asked = await ask("1", "quick.thing", {}, {request: {run_id: "fleeting"}});
  const card = cardOf(page, "fleeting");
  await card.waitFor();
  await card.getByLabel("Comment").fill("I take my time"); // what is written in isn't drawn anew
  for (let status = "pending"; status === "pending";) {
    status = (await api("alice", "GET", `/v1/approvals/${asked.approval.approval_id}`)).body.status;
  }
  check(await card.isVisible(), "the card stays while it is written in");
  await card.getByRole("button", {name: "Grant once"}).click();
  await page.getByRole("alert").filter({hasText: "the approval is expired"}).waitFor();
  await card.waitFor({state: "detached"});
  const stopped = await ask("2", "quick.thing", {}, {request: {run_id: "fleeting", approval_id: asked.approval.approval_id}});
  same([stopped.decision, stopped.reason], ["stop", "approval_expired"]);
  same(page.faults, []);
});

test("identical requests are one card and one click, and each has a grant of its own", async (browser) => {
  const asked = [];
  for (const run of ["twin-1", "twin-2", "twin-3"]) {
    asked.push(await ask("1", "refund.create", {order: "T-1", amount: 3}, {request: {run_id: run}}));
  }
  const page = await open(browser);
  await signIn(page, "alice");
  const card = cardOf(page, "twin-1");
  await card.getByText("3 identical requests").waitFor();
  same(await cardOf(page, "twin-2").count(), 1);
  await card.getByText("Runs: twin-1, twin-2, twin-3").waitFor();
  await card.getByRole("button", {name: "Grant all 3, once each"}).click();
  await card.waitFor({state: "detached"});
  for (const one of asked) {
    same((await api("alice", "GET", `/v1/approvals/${one.approval.approval_id}`)).body.status, "granted");
  }
  same(page.faults, []);
});

test("a bounded grant is given on a phone, used, and withdrawn", async (browser) => {
  const at = (step, amount, more = {}) => ask(step, "pay.out", {order: "B-1", amount}, {request: {run_id: "bounded", ...more}});
  const asked = await at("1", 20);
  const page = await open(browser, {viewport: PHONE});
  await signIn(page, "alice");
  const card = cardOf(page, "bounded");
  await card.getByText("Grant more than once").click();
  await card.getByText("order must stay as shown").waitFor();
  await card.getByLabel("Times").fill("3");
  await card.getByLabel("Minutes").fill("10");
  await card.getByLabel("amount at most").fill("25.5");
  check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the window");
  await card.getByRole("button", {name: "Grant within these bounds"}).click();
  const use = page.getByRole("region", {name: "Bounded grants in use"});
  await use.getByText("0 of 3 used").waitFor();
  same((await at("2", 25.5)).decision, "allow");
  same((await at("3", 25.51, {approval_id: asked.approval.approval_id})).reason, "bound_exceeded");
  await use.getByText("1 of 3 used").waitFor();
  await use.getByRole("button", {name: "Withdraw"}).click();
  await use.getByRole("button", {name: "Withdraw"}).waitFor({state: "detached"});
  same((await at("4", 20)).decision, "approval_required");
  same(page.faults, []);
});

await run();
