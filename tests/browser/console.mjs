// The console in a real browser: from an agent's request to a person's grant, and what must not happen on the way.

import {DESKTOP, PHONE, api, ask, check, open, run, same, setup, signIn, test} from "./harness.mjs";

test("a person grants on a phone and the agent is allowed", async (browser) => {
  const asked = await ask("phone/1", "refund.create", {order: "A-1", amount: 120.5, currency: "EUR"});
  same(asked.decision, "approval_required");
  const page = await open(browser, {viewport: PHONE, path: `/#/approvals/${asked.approval.approval_id}`});
  await signIn(page, "alice");
  const card = page.locator("article").filter({hasText: "phone/1"});
  await card.getByText("120.5").waitFor();
  check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the window");
  await card.getByLabel("Comment").fill("seen the kettle");
  await card.getByRole("button", {name: "Grant once"}).click();
  await card.waitFor({state: "detached"});
  const allowed = await ask("phone/2", "refund.create", {order: "A-1", amount: 120.5, currency: "EUR"},
    {request: {approval_id: asked.approval.approval_id}});
  same(allowed.decision, "allow");
  same(page.faults, []);
});

test("a person denies and the agent is stopped", async (browser) => {
  const asked = await ask("deny/1", "refund.create", {order: "A-2", amount: 9, currency: "EUR"});
  const page = await open(browser);
  await signIn(page, "alice");
  const card = page.locator("article").filter({hasText: "deny/1"});
  await card.getByRole("button", {name: "Deny"}).click();
  await card.waitFor({state: "detached"});
  const stopped = await ask("deny/2", "refund.create", {order: "A-2", amount: 9, currency: "EUR"},
    {request: {approval_id: asked.approval.approval_id}});
  same([stopped.decision, stopped.reason], ["stop", "approval_denied"]);
});

test("a wrong token says so and signs nobody in", async (browser) => {
  const page = await open(browser);
  await page.getByLabel("Your token").fill("gk_wrong");
  await page.getByRole("button", {name: "Sign in"}).click();
  await page.getByText("unknown, revoked or expired").waitFor();
});

test("an agent's token is no way into the console", async (browser) => {
  const page = await open(browser);
  await page.getByLabel("Your token").fill(setup.tokens.agent);
  await page.getByRole("button", {name: "Sign in"}).click();
  await page.getByText("the console is for people").waitFor();
});

test("a session that was signed out is worth nothing any more", async (browser) => {
  const page = await open(browser);
  await signIn(page, "alice");
  const [cookie] = await page.context().cookies();
  check(cookie.httpOnly && cookie.sameSite === "Strict", "the cookie is HttpOnly and SameSite=Strict");
  const stolen = {headers: {Cookie: `${cookie.name}=${cookie.value}`}};
  same((await fetch(`${setup.url}/v1/approvals`, stolen)).status, 200);
  await page.getByRole("button", {name: "Sign out"}).click();
  await page.getByText("You are signed out.").waitFor();
  same((await fetch(`${setup.url}/v1/approvals`, stolen)).status, 401);
});

test("a session changes nothing without its token against forgery", async (browser) => {
  const asked = await ask("csrf/1", "refund.create", {order: "A-3", amount: 1, currency: "EUR"});
  const page = await open(browser);
  await signIn(page, "alice");
  const [cookie] = await page.context().cookies();
  const send = (headers) => fetch(`${setup.url}/v1/approvals/${asked.approval.approval_id}/grant`, {
    method: "POST", body: "{}",
    headers: {Cookie: `${cookie.name}=${cookie.value}`, "Content-Type": "application/json", ...headers},
  });
  same((await send({})).status, 403);
  same((await send({"X-CSRF-Token": "A".repeat(43)})).status, 403);
  same((await api("alice", "GET", `/v1/approvals/${asked.approval.approval_id}`)).body.status, "pending");
});

test("a request from another site is refused even with the cookie", async (browser) => {
  const page = await open(browser);
  await signIn(page, "alice");
  const [cookie] = await page.context().cookies();
  const answer = await fetch(`${setup.url}/v1/approvals`,
    {headers: {Cookie: `${cookie.name}=${cookie.value}`, "Sec-Fetch-Site": "cross-site"}});
  same(answer.status, 403);
});

await run();
