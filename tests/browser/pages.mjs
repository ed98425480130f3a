// The overview and the policy in a real browser, and what every page owes to whoever uses it without a mouse or a large screen.

import {writeFileSync} from "node:fs";

import {PHONE, api, ask, check, drawn, open, run, same, setup, signIn, test} from "./harness.mjs";

const PLACES = [["alice", "/#/approvals"], ["operator", "/#/overview"], ["operator", "/#/runs"], ["operator", "/#/runs/run_1/t_42"],
  ["operator", "/#/policy"], ["operator", "/#/stop"]];

test("the overview counts decisions and leads to them", async (browser) => {
  const request = {request: {run_id: "run_counts"}};
  await ask("1", "kb.read", {}, request);
  const stopped = await ask("2", "shell.run", {}, request);
  await api("agent", "POST", `/v1/decisions/${stopped.decision_id}/result`, {status: "ok"});
  const asked = await ask("3", "refund.create", {order: "A-1"}, request);
  await api("alice", "POST", `/v1/approvals/${asked.approval.approval_id}/grant`, {});
  const page = await open(browser, {path: "/#/overview"});
  await signIn(page, "operator");
  const found = (await api("operator", "GET", "/v1/overview")).body;
  const tile = (words) => page.locator(".tile").filter({hasText: words}).locator("strong").first();
  await tile("allowed").waitFor();
  same(await tile("allowed").textContent(), String(found.decisions.allow));
  same(await tile("violation").textContent(), String(found.decisions.violations));
  const chart = page.getByRole("img", {name: /Decisions over time/});
  check((await chart.getAttribute("aria-label")).includes(`${found.decisions.stop} stopped`), "the chart says its numbers");
  await page.getByText("Numbers").first().click();
  await page.getByRole("table", {name: "Decisions over time"}).waitFor();
  await page.getByRole("link", {name: "no_rule_allows"}).click();
  await page.locator("table.events tbody tr").first().waitFor();
  same(await page.getByLabel("Reason", {exact: true}).inputValue(), "no_rule_allows");
  same(page.faults, []);
});

test("the overview shows how full limits are, how the log is, and nothing of another tenant", async (browser) => {
  const page = await open(browser, {path: "/#/overview"});
  await signIn(page, "operator");
  const limits = page.locator("section").filter({hasText: "Budgets and limits"});
  await limits.getByText("of 50").first().waitFor();
  const log = page.locator("section").filter({hasText: "search index"});
  await log.getByText("are taken").waitFor();
  await page.getByText("Nobody is notified").waitFor();
  await page.route("**/v1/notifications", (route) => route.fulfill({json: {targets: [
    {name: "ops", kind: "webhook", up: true, sent: 1200, pending: [], dead: [], last_error: null, last_error_at: null},
    {name: "mail", kind: "email", up: false, sent: 3, pending: [{seq: 9}], dead: [{seq: 7}, {seq: 8}], last_error: "connection refused",
      last_error_at: new Date().toISOString()},
  ]}}));
  await page.getByRole("button", {name: "Show"}).click();
  const told = page.locator("section").filter({hasText: "Notifications"});
  await told.getByText("1,200 sent").waitFor();
  await told.getByText("2 given up").waitFor();
  await told.getByText("connection refused").waitFor();
  await page.getByLabel("Tenant").fill("t_none");
  await page.getByRole("button", {name: "Show"}).click();
  await page.getByText("Nothing in this time.").first().waitFor();
  same(await page.locator(".tile strong").first().textContent(), "0");
  same(page.faults, []);
});

test("the policy says what is in force, since when and by whom, and what a rollback changed", async (browser) => {
  const before = (await api("operator", "GET", "/v1/policy")).body.digest;
  await api("operator", "POST", "/v1/policy/reload", {});
  const page = await open(browser, {path: "/#/policy"});
  await signIn(page, "operator");
  const now = page.locator("section").filter({hasText: "In force"}).first();
  await now.getByText(before).waitFor();
  await page.getByRole("button", {name: "Show its text"}).click();
  await page.getByText("refunds-need-a-human").first().waitFor();
  const [file] = (await api("operator", "GET", `/v1/policy/${before}`)).body.files;
  const place = `${setup.policies}/${file.name}`;
  writeFileSync(place, file.text.replace("count: 1", "count: 2"));
  same((await api("operator", "POST", "/v1/policy/reload", {})).status, 200);
  check((await api("operator", "GET", "/v1/policy")).body.digest !== before, "another policy is in force");
  writeFileSync(place, file.text);
  same((await api("operator", "POST", "/v1/policy/rollback", {digest: before, reason: "it was wrong"})).status, 200);
  await page.reload();
  await now.getByText("it was wrong").waitFor();
  await page.getByRole("button", {name: "Changes"}).first().click();
  same((await page.locator(".diff .gone").allTextContents()).length, 1);
  check((await page.locator(".diff .gone").textContent()).includes("count: 2"), "what is gone");
  check((await page.locator(".diff .come").textContent()).includes("count: 1"), "what has come");
  same(page.faults, []);
});

test("a request is tried and each layer says what it made of it", async (browser) => {
  const before = (await api("operator", "GET", "/v1/approvals?status=pending")).body.approvals.length;
  const page = await open(browser, {path: "/#/policy"});
  await signIn(page, "operator");
  await page.getByLabel("Who asks").fill("agent-7");
  await page.getByRole("button", {name: "Explain"}).click();
  await page.locator(".verdict").getByText("put before a person").waitFor();
  await page.locator("li.matches").getByText("refunds-need-a-human").waitFor();
  await page.getByLabel("Request").fill("{");
  await page.getByRole("button", {name: "Explain"}).click();
  await page.getByText("The request isn't JSON").waitFor();
  await page.getByLabel("Request").fill(JSON.stringify({run_id: "x", step_id: "1", tenant_id: "t_42", action: "shell.run", args: {}}));
  await page.getByRole("button", {name: "Explain"}).click();
  await page.locator(".verdict").getByText("stopped").waitFor();
  await page.locator(".verdict").getByText("no_rule_allows").waitFor();
  same((await api("operator", "GET", "/v1/approvals?status=pending")).body.approvals.length, before, "nothing was asked for");
  same(page.faults, []);
});

test("no page is wider than a window of 360 pixels", async (browser) => {
  const long = "x".repeat(100);
  await ask(`wide/${long}`, "refund.create", {order: "W".repeat(300), amount: 1, currency: "E", note: {deep: ["n".repeat(300)]}}, {request: {actor: {type: "user", id: `u_${long}`, roles: ["support"]}}});
  await api("operator", "POST", "/v1/kill-switches", {scope: "run", id: `run_${long}`, action: `refund.${"y".repeat(50)}`, reason: "r".repeat(300), expires_in: "1h"});
  for (const [who, path] of PLACES) {
    const page = await open(browser, {viewport: PHONE, path});
    await signIn(page, who);
    await drawn(page);
    for (const summary of await page.locator("summary").all()) await summary.click();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(wide <= 0, `${path} is ${wide} pixels too wide`);
    same(page.faults, [], path);
    await page.context().close();
  }
});

/** Press Tab until the wanted element has the focus. */
async function tabTo(page, name, most = 60) {
  for (let i = 0; i < most; i++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      return `${element.getAttribute("aria-label") ?? ""} ${element.labels?.[0]?.textContent ?? ""} ${element.textContent ?? ""}`;
    });
    if (at.includes(name)) return;
  }
  throw new Error(`Tab never comes to ${name}`);
}

test("a stop is thrown and lifted by keyboard alone, in two deliberate steps", async (browser) => {
  const page = await open(browser, {path: "/"});
  await page.getByLabel("Your token").waitFor();
  await page.keyboard.type(setup.tokens.operator);
  await page.keyboard.press("Enter");
  await page.getByRole("button", {name: "Sign out"}).waitFor();
  await tabTo(page, "Emergency stop");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", {name: "Emergency stop"}).waitFor();
  await tabTo(page, "What");
  await page.keyboard.press("End"); // one run
  await tabTo(page, "Which one");
  await page.keyboard.type("run_keys");
  await tabTo(page, "Reason (needed)");
  await page.keyboard.type("by keyboard");
  await page.keyboard.press("Enter");
  await page.getByText("run run_keys will be stopped").waitFor();
  same((await ask("k/1", "kb.read", {}, {request: {run_id: "run_keys"}})).decision, "allow", "one step stops nothing");
  same(await page.evaluate(() => document.activeElement.textContent), "Stop now");
  await page.keyboard.press("Enter");
  const card = page.locator("article").filter({hasText: "run_keys"});
  await card.getByText("by keyboard").waitFor();
  same((await ask("k/2", "kb.read", {}, {request: {run_id: "run_keys"}})).reason, "kill_switch");
  await card.getByLabel("Why it is lifted").focus();
  await page.keyboard.type("over");
  await tabTo(page, "Lift", 2);
  await page.keyboard.press("Enter");
  await card.waitFor({state: "detached"});
  same(page.faults, []);
});

test("what is stopped stands in the link to it, on every page", async (browser) => {
  const {body} = await api("operator", "POST", "/v1/kill-switches", {scope: "run", id: "run_told", reason: "told"});
  for (const [who, path] of PLACES.filter(([name]) => name === "operator")) {
    const page = await open(browser, {path, viewport: PHONE});
    await signIn(page, who);
    const link = page.getByRole("link", {name: /Emergency stop/});
    await link.locator(".badge").waitFor();
    check(await link.isVisible(), `the link is there on ${path}`);
    await page.context().close();
  }
  await api("operator", "DELETE", `/v1/kill-switches/${body.id}`, {reason: "over"});
});

test("the first page is at most 100 KB over the wire", async (browser) => {
  for (const [who, path] of PLACES) {
    const page = await open(browser, {path: "/"});
    const session = await page.context().newCDPSession(page);
    let bytes = 0;
    await session.send("Network.enable");
    await session.send("Network.setCacheDisabled", {cacheDisabled: true});
    session.on("Network.loadingFinished", (event) => {
      bytes += event.encodedDataLength;
    });
    await page.goto(`${setup.url}${path}`);
    await page.reload();
    await signIn(page, who);
    await drawn(page);
    check(bytes > 20000, `the count counts: ${bytes}`);
    check(bytes <= 100 * 1024, `${path}: ${bytes} bytes`);
    await page.context().close();
  }
});

test("a session that has ended elsewhere asks for a new sign-in and shows nothing more", async (browser) => {
  const page = await open(browser, {path: "/#/overview"});
  await signIn(page, "operator");
  await page.locator(".tile").first().waitFor();
  const [cookie] = await page.context().cookies();
  const csrf = await page.evaluate(async () => (await (await fetch("/v1/session")).json()).csrf);
  await fetch(`${setup.url}/v1/session`, {method: "DELETE", headers: {Cookie: `${cookie.name}=${cookie.value}`, "X-CSRF-Token": csrf}});
  await page.getByRole("button", {name: "Show"}).click();
  await page.getByText("The session is over: sign in again.").waitFor();
  same(await page.locator(".tile").count(), 0);
});

await run();
