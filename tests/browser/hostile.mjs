// What an agent, another site or a stolen cookie tries on the console, in a real browser.

import {createServer} from "node:http";

import {DESKTOP, PHONE, api, ask, check, drawn, open, reports, run, same, setup, signIn, test} from "./harness.mjs";

const HOSTILE = `"><img src=x onerror="document.title='owned'"><script>document.title='owned'</script><a href="javascript:document.title='owned'">x</a>\u202e{{1+1}}`;
const LIVE = "main img, main script, main iframe, main object, main [onerror], main a[href^='javascript:']";

/** Nothing of it became an element, and nothing of it ran. */
async function checkText(page, what) {
  same(await page.locator(LIVE).count(), 0, what);
  check(!(await page.title()).includes("owned"), `${what}: something ran`);
  same(page.faults, [], what);
}

test("what an agent writes is text, in every field that it controls", async (browser) => {
  const request = {run_id: "run_xss", context: {x: HOSTILE, [HOSTILE]: 1}, actor: {type: "user", id: "u_img@x:1", roles: ["support"]}};
  const args = {order: HOSTILE, amount: 1, currency: HOSTILE, note: {deep: [HOSTILE], [HOSTILE]: HOSTILE}};
  const asked = await ask("xss:1", "refund.create", args, {request});
  await api("alice", "POST", `/v1/approvals/${asked.approval.approval_id}/grant`, {comment: HOSTILE});
  const allowed = await ask("xss:2", "refund.create", args, {request: {...request, approval_id: asked.approval.approval_id}});
  same(allowed.decision, "allow");
  const told = await api("agent", "POST", `/v1/decisions/${allowed.decision_id}/result`,
    {status: "error", output: {[HOSTILE]: HOSTILE}, error: {code: "upstream.error", message: HOSTILE}});
  same(told.status, 201);
  await ask("xss:3", "refund.create", {...args, amount: 2}, {request});
  await api("operator", "POST", "/v1/kill-switches", {scope: "run", id: "run_xss_stopped", reason: HOSTILE});
  for (const [who, path] of [["alice", "/#/approvals"], ["operator", "/#/runs/run_xss/t_42"], ["operator", "/#/stop"]]) {
    const page = await open(browser, {path});
    await signIn(page, who);
    await page.getByText("onerror").first().waitFor();
    for (const summary of await page.locator("summary").all()) await summary.click();
    await checkText(page, path);
  }
});

test("names that aren't names are refused, so they can't come to a page at all", async () => {
  for (const field of [{run_id: HOSTILE}, {step_id: HOSTILE}, {tenant_id: HOSTILE}, {action: HOSTILE}, {actor: {type: "user", id: HOSTILE, roles: []}}]) {
    const answer = await api("agent", "POST", "/v1/decisions", {run_id: "r", step_id: "1", tenant_id: "t_42", action: "kb.read", args: {}, ...field});
    same(answer.status, 400, JSON.stringify(Object.keys(field)));
  }
  const allowed = await ask("xss:code", "kb.read", {}, {request: {run_id: "run_xss_code"}});
  const told = await api("agent", "POST", `/v1/decisions/${allowed.decision_id}/result`, {status: "error", error: {code: HOSTILE}});
  same(told.status, 400);
});

/** Every string of an answer made hostile, but for those that pages go by. */
const KEEP = new Set(["kind", "decision", "change", "timestamp", "at", "since", "until", "counted_since", "asked_at", "expires_at", "thrown_at", "ends_at",
  "cosigned_at", "would", "section", "space", "csrf", "status", "cursor", "next_cursor", "leaf_hash", "valid_until", "result_by", "can"]);
function poison(value, name = "") {
  if (typeof value === "string") return KEEP.has(name) ? value : `${value}${HOSTILE}`;
  if (Array.isArray(value)) return KEEP.has(name) ? value : value.map((item) => poison(item, name));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).flatMap(([key, item]) => [[key, poison(item, key)]]));
}

test("even a server whose every word is hostile makes nothing on a page run", async (browser) => {
  const run_id = "run_poison";
  const stopped = await ask("1", "shell.run", {}, {request: {run_id}});
  await api("agent", "POST", `/v1/decisions/${stopped.decision_id}/result`, {status: "ok"});
  await ask("2", "refund.create", {order: "A-1", amount: 1}, {request: {run_id}});
  await api("operator", "POST", "/v1/kill-switches", {scope: "run", id: "run_poison_stopped", reason: "r"});
  for (const [who, path, size] of [["alice", "/#/approvals", PHONE], ["operator", "/#/overview", DESKTOP], ["operator", "/#/runs", DESKTOP],
    ["operator", `/#/runs/${run_id}/t_42`, DESKTOP], ["operator", "/#/policy", DESKTOP], ["operator", "/#/stop", PHONE]]) {
    const page = await open(browser, {path, viewport: size});
    await signIn(page, who);
    await page.route((url) => url.pathname.startsWith("/v1/") && url.pathname !== "/v1/session" && !url.pathname.endsWith("/stream"), async (route) => {
      const answer = await route.fetch();
      const text = await answer.text();
      await route.fulfill({response: answer, body: text.startsWith("{") ? JSON.stringify(poison(JSON.parse(text))) : text});
    });
    await page.reload();
    await page.getByText("onerror").first().waitFor();
    if (path === "/#/policy") {
      await page.getByRole("button", {name: "Explain"}).click();
      await page.locator(".error, .verdict").filter({hasText: "onerror"}).first().waitFor();
    }
    for (const summary of await page.locator("summary").all()) await summary.click();
    await checkText(page, path);
    await page.unrouteAll({behavior: "ignoreErrors"}); // what is on its way needn't arrive
    await page.context().close();
  }
});

test("what a browser stops it reports, and the server counts it", async (browser) => {
  const before = await reports();
  const page = await open(browser);
  await signIn(page, "operator");
  await page.evaluate(() => document.querySelector("main").setAttribute("style", "color: red"));
  while (await reports() === before) await page.waitForTimeout(50);
  check(await reports() > before, "a report came");
  check(page.faults.some((fault) => fault.includes("Content Security Policy")), "and the style was stopped");
}, true);

/** Another site, with a page that tries what a page can. */
async function elsewhere(html) {
  const server = createServer((request, answer) => answer.writeHead(200, {"Content-Type": "text/html"}).end(html));
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  return {url: `http://localhost:${server.address().port}/`, close: () => server.close()};
}

test("another site's page can neither grant, nor stop, nor read, with the cookie of who is signed in", async (browser) => {
  const asked = await ask("csrf/site", "refund.create", {order: "A-7", amount: 1, currency: "EUR"});
  const stops = (await api("operator", "GET", "/v1/kill-switches")).body.kill_switches.length;
  const grant = `${setup.url}/v1/approvals/${asked.approval.approval_id}/grant`;
  const page = await open(browser);
  await signIn(page, "alice");
  const site = await elsewhere(`<!doctype html><title>elsewhere</title>
    <form id="form" method="post" enctype="text/plain" action="${grant}" target="frame"><input name='{"comment":"' value='"}'></form>
    <iframe name="frame"></iframe><iframe id="framed" src="${setup.url}/"></iframe>`);
  const other = await page.context().newPage();
  await other.goto(site.url);
  const read = await other.evaluate(async ([url, approvals]) => {
    const seen = [];
    for (const [path, options] of [[url, {method: "POST", body: "{}"}], [url, {method: "POST", body: "{}", headers: {"Content-Type": "application/json"}}],
      [url, {method: "POST", body: "{}", mode: "no-cors"}], [approvals, {}]]) {
      await fetch(path, {credentials: "include", ...options}).then((answer) => answer.text()).then((text) => seen.push(text), () => {});
    }
    document.getElementById("form").submit();
    return seen.join("");
  }, [grant, `${setup.url}/v1/approvals`]);
  await other.waitForTimeout(300);
  check(!read.includes(asked.approval.approval_id), "another site reads nothing");
  const framed = other.frames().find((frame) => frame.url().startsWith(setup.url) && frame.parentFrame() !== null);
  check(!framed || await framed.locator("#token, header").count() === 0, "another site frames nothing");
  same((await api("alice", "GET", `/v1/approvals/${asked.approval.approval_id}`)).body.status, "pending");
  same((await api("operator", "GET", "/v1/kill-switches")).body.kill_switches.length, stops);
  // the console itself still may
  await page.reload();
  await drawn(page);
  await page.locator("article").filter({hasText: "csrf/site"}).getByRole("button", {name: "Grant once"}).click();
  await page.locator("article").filter({hasText: "csrf/site"}).waitFor({state: "detached"});
  same((await api("alice", "GET", `/v1/approvals/${asked.approval.approval_id}`)).body.status, "granted");
  site.close();
}, true); // that it tried to frame the console is reported

test("a cookie that was stolen is worth nothing after its owner has signed out, anywhere", async (browser) => {
  const page = await open(browser);
  await signIn(page, "alice");
  const [cookie] = await page.context().cookies();
  const thief = await browser.newContext();
  await thief.addCookies([{name: cookie.name, value: cookie.value, url: setup.url}]);
  const theft = await thief.newPage();
  await theft.goto(setup.url);
  await theft.getByRole("button", {name: "Sign out"}).waitFor(); // that is what a stolen cookie is, until then
  await page.getByRole("button", {name: "Sign out"}).click();
  await page.getByText("You are signed out.").waitFor();
  await theft.reload();
  await theft.getByLabel("Your token").waitFor();
  same(await theft.evaluate(async () => (await fetch("/v1/approvals")).status), 401);
  same(await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length]), ["", 0, 0], "a page keeps nothing that could be stolen");
});

await run();
