// Runs sentences against the console in a real browser and prints TAP.
//
// GATEKEEPER_BROWSER_SETUP is JSON: {url, tokens: {agent, alice, …}, images: folder or null}, made by test_console.py.
// A test during which a browser reports something against the Content-Security-Policy has failed.

import {readFileSync} from "node:fs";

import {chromium} from "playwright-core";

export const setup = JSON.parse(process.env.GATEKEEPER_BROWSER_SETUP);
export const PHONE = {width: 360, height: 740};
export const DESKTOP = {width: 1280, height: 900};

const DEADLINE_MS = 1000 * Number(process.env.GATEKEEPER_TEST_DEADLINE ?? 30);
const sentences = [];

/** A test: its name is a sentence; run(browser) throws when it fails; mayReport: reports against the CSP are its subject. */
export function test(sentence, run, mayReport = false) {
  sentences.push({sentence, run, mayReport});
}

export function check(value, what) {
  if (!value) throw new Error(`not so: ${what}`);
}

export function same(a, b, what = "") {
  if (JSON.stringify(a) !== JSON.stringify(b)) throw new Error(`${what} ${JSON.stringify(a)} isn't ${JSON.stringify(b)}`);
}

/** The API in the name of a token. */
export async function api(who, method, path, body) {
  const answer = await fetch(setup.url + path, {
    method,
    headers: {Authorization: `Bearer ${setup.tokens[who]}`, ...(body === undefined ? {} : {"Content-Type": "application/json"})},
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return {status: answer.status, body: await answer.json()};
}

/** How many reports against the Content-Security-Policy the server has counted. */
export async function reports() {
  const answer = await fetch(`${setup.url}/metrics`, {headers: {Authorization: `Bearer ${setup.tokens.metrics}`}});
  return Number(/^gatekeeper_http_csp_reports_total (\d+)$/m.exec(await answer.text())[1]);
}

/** What an agent asks; gives the answer's body. */
export async function ask(step, action, args, more = {}) {
  const {body} = await api(more.who ?? "agent", "POST", "/v1/decisions", {
    run_id: "run_1", step_id: step, tenant_id: "t_42", action, args,
    actor: {type: "user", id: "u_7", roles: ["support"]}, ...more.request,
  });
  return body;
}

/** A page in a context of its own, so with cookies of its own; CSP reports and errors of the page fail the test. */
export async function open(browser, options = {}) {
  const context = await browser.newContext({
    viewport: options.viewport ?? DESKTOP, colorScheme: options.scheme ?? "light", reducedMotion: "reduce",
  });
  context.setDefaultTimeout(DEADLINE_MS);
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) page.faults.push(message.text());
  });
  await page.goto(setup.url + (options.path ?? "/"));
  return page;
}

export async function signIn(page, who) {
  await page.getByLabel("Your token").fill(setup.tokens[who]);
  await page.getByRole("button", {name: "Sign in"}).click();
  await page.getByRole("button", {name: "Sign out"}).waitFor();
}

/** Everything that the page asked for has come; its stream of events never ends and doesn't count. */
export async function drawn(page) {
  await page.locator("main h1").waitFor();
  if (await page.locator("[data-live]").count() === 0) await page.waitForLoadState("networkidle");
  else await page.locator(".empty, article").first().waitFor();
}

/** What axe finds serious or critical: [impact, rule, element]…  Evaluated by the browser's debugger: the page's own policy lets no script in. */
export async function findings(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", {expression: readFileSync(new URL("./node_modules/axe-core/axe.min.js", import.meta.url), "utf8")});
  const {result} = await session.send("Runtime.evaluate", {
    expression: "axe.run(document, {resultTypes: ['violations']}).then((r) => JSON.stringify(r.violations.map((v) => [v.impact, v.id, v.nodes[0].html])))",
    awaitPromise: true,
  });
  return JSON.parse(result.value).filter(([impact]) => impact === "serious" || impact === "critical");
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
}

export async function run() {
  const browser = await launch();
  let failed = 0;
  console.log(`1..${sentences.length}`);
  for (const [i, {sentence, run: body, mayReport}] of sentences.entries()) {
    try {
      const before = await reports();
      await body(browser);
      if (!mayReport) same(await reports(), before, "reports against the Content-Security-Policy:");
      console.log(`ok ${i + 1} - ${sentence}`);
    } catch (error) {
      failed++;
      console.log(`not ok ${i + 1} - ${sentence}`);
      console.log(String(error.stack ?? error).replace(/^/gm, "# "));
    }
    for (const context of browser.contexts()) {
      for (const page of context.pages()) await page.unrouteAll({behavior: "ignoreErrors"});
      await context.close();
    }
  }
  await browser.close();
  process.exit(failed === 0 ? 0 : 1);
}
