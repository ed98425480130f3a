// The console in a real browser: from an agent's request to a person's grant, and what must not happen on the way.

import {PHONE, api, ask, check, drawn, findings, open, run, same, setup, signIn, test} from "./harness.mjs";

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

test("an emergency stop takes two steps and is lifted with a reason", async (browser) => {
  const page = await open(browser, {path: "/#/stop"});
  await signIn(page, "operator");
  await page.locator("#stop-scope").selectOption("run");
  await page.getByLabel("Which one").fill("run_stop");
  await page.getByLabel("Reason (needed)").fill("incident 7");
  await page.getByRole("button", {name: "Go on…"}).click();
  await page.getByText("run run_stop will be stopped from doing anything").waitFor();
  same((await ask("s/1", "kb.read", {}, {request: {run_id: "run_stop"}})).decision, "allow", "one step stops nothing");
  await page.getByRole("button", {name: "Stop now"}).click();
  await page.getByRole("heading", {name: "run run_stop"}).waitFor();
  same((await ask("s/2", "kb.read", {}, {request: {run_id: "run_stop"}})).reason, "kill_switch");
  await page.getByRole("button", {name: "Lift"}).click();
  await page.getByText("A reason is needed.").waitFor();
  await page.getByLabel("Why it is lifted").fill("over");
  await page.getByRole("button", {name: "Lift"}).click();
  await page.getByText("Nothing is stopped.").waitFor();
  same((await ask("s/3", "kb.read", {}, {request: {run_id: "run_stop"}})).decision, "allow");
  same(page.faults, []);
});

test("no page has a serious finding of axe", async (browser) => {
  await ask("axe/1", "refund.create", {order: "A-4", amount: 4, currency: "EUR"});
  for (const scheme of ["light", "dark"]) {
    for (const [who, path] of [["alice", "/#/approvals"], ["operator", "/#/runs"], ["operator", "/#/runs/run_1/t_42"],
      ["operator", "/#/policy"], ["operator", "/#/stop"]]) {
      const page = await open(browser, {scheme, path, axe: true});
      await signIn(page, who);
      await drawn(page);
      same(await findings(page), [], `${path} ${scheme}`);
      if (setup.images) await page.screenshot({path: `${setup.images}/${path.split("/")[2]}${path.split("/").length > 3 ? "-one" : ""}-${scheme}.png`});
      await page.context().close();
    }
  }
});

await run();
