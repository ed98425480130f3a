// Opens each page of the console over and over in Chromium, and prints as JSON what came over the wire and when data was painted.
//
// GATEKEEPER_PAGES is JSON: {url, times, pending, tokens: {agent, all}}, made by pages.py.

import {chromium} from "playwright-core";

const setup = JSON.parse(process.env.GATEKEEPER_PAGES);
const PATIENCE_MS = 30000;
const RUN = `bench_${Date.now()}`; // a folder of --dir has had others

async function api(who, method, path, body) {
  const answer = await fetch(setup.url + path, {
    method, headers: {Authorization: `Bearer ${setup.tokens[who]}`, ...(body ? {"Content-Type": "application/json"} : {})},
    body: body ? JSON.stringify(body) : undefined,
  });
  const value = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(value)}`);
  return value;
}

/** What stands in the page when its data is drawn: something by every selector, and the text in one by the first. */
async function places() {
  const overview = await api("all", "GET", `/v1/overview?since=${new Date(Date.now() - 86400000).toISOString()}`);
  const [event] = (await api("all", "GET", "/v1/events?kind=result&order=desc&limit=1")).events;
  const run = await api("all", "GET", `/v1/runs/${event.run_id}?tenant_id=${event.tenant_id}`);
  const policy = await api("all", "GET", "/v1/policy");
  return {
    events: overview.log.size,
    pages: {
      approvals: {hash: "#/approvals", selectors: ["article .facts", "article .args td", "article button.primary"], text: RUN},
      overview: {hash: "#/overview", selectors: [".tile strong", "figure.chart svg rect.fill", "ul.top li", "dl.facts dd"],
        text: overview.decisions.allow.toLocaleString("en")},
      runs: {hash: "#/runs", selectors: ["table.events tbody tr:nth-child(20) td"], text: ""},
      run: {hash: `#/runs/${event.run_id}/${event.tenant_id}`, selectors: [`ol.story > li:nth-child(${run.steps.length})`, "dl.facts dd"], text: ""},
      policy: {hash: "#/policy", selectors: ["section dl.facts dd code", "table.events tbody tr td"], text: policy.digest},
      stop: {hash: "#/stop", selectors: ["article.stopped h2", "form button"], text: RUN},
    },
  };
}

/** Runs in the page before anything of it: notes when all that is wanted is there, and when that was painted. */
function watch({selectors, text}) {
  const there = () => {
    const shown = (selector) => [...document.querySelectorAll(selector)].filter((element) => element.getClientRects().length > 0);
    return selectors.every((selector) => shown(selector).length > 0) && shown(selectors[0]).some((element) => element.textContent.includes(text));
  };
  window.benchDrawnMs = new Promise((drawn) => {
    const look = () => {
      if (!there()) requestAnimationFrame(look);
      else requestAnimationFrame(() => requestAnimationFrame(() => drawn(performance.now())));
    };
    requestAnimationFrame(look);
  });
}

async function tooLong({hash, text}) {
  await new Promise((done) => setTimeout(done, PATIENCE_MS).unref());
  throw new Error(`${hash}: what is wanted, "${text}", is never drawn`);
}

async function once(context, place) {
  const page = await context.newPage();
  await page.addInitScript(watch, place);
  const wire = await context.newCDPSession(page);
  const bytes = new Map(); // by request; of a stream, which never ends, its headers and what has come so far
  await wire.send("Network.enable");
  wire.on("Network.responseReceived", ({requestId, response}) => bytes.set(requestId, response.encodedDataLength));
  wire.on("Network.dataReceived", ({requestId, encodedDataLength}) => bytes.set(requestId, bytes.get(requestId) + encodedDataLength));
  wire.on("Network.loadingFinished", ({requestId, encodedDataLength}) => bytes.set(requestId, encodedDataLength));
  await page.goto(`${setup.url}/${place.hash}`, {waitUntil: "commit"});
  const ms = await Promise.race([page.evaluate(() => window.benchDrawnMs), tooLong(place)]);
  await page.waitForTimeout(100); // what is still on its way counts as well
  await page.close();
  return {ms, bytes: [...bytes.values()].reduce((sum, n) => sum + n, 0)};
}

async function signedIn(browser) {
  const context = await browser.newContext({viewport: {width: 1280, height: 900}});
  const page = await context.newPage();
  await page.goto(setup.url);
  await page.getByLabel("Your token").fill(setup.tokens.all);
  await page.getByRole("button", {name: "Sign in"}).click();
  await page.getByRole("button", {name: "Sign out"}).waitFor();
  const cookies = await context.cookies();
  await context.close();
  return cookies;
}

/** A context of its own has a cache of its own: empty at first. */
async function fresh(browser, cookies) {
  const context = await browser.newContext({viewport: {width: 1280, height: 900}});
  await context.addCookies(cookies);
  return context;
}

async function main() {
  for (let i = 0; i < setup.pending; i++) {
    await api("agent", "POST", "/v1/decisions", {run_id: RUN, step_id: String(i), tenant_id: "t_1",
      actor: {type: "user", id: "u_7", roles: ["support"]}, action: "refund.bench", args: {order: `A-${i}`, amount: i}});
  }
  await api("all", "POST", "/v1/kill-switches", {scope: "run", id: RUN, action: "tool.*", reason: "measured", expires_in: "1h"});
  const {events, pages} = await places();
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
      "--disable-sync"],
  });
  const cookies = await signedIn(browser);
  const found = {};
  for (const [name, place] of Object.entries(pages)) {
    found[name] = {bytes: 0, first: [], again: []};
    for (let i = 0; i < setup.times; i++) {
      const context = await fresh(browser, cookies);
      const first = await once(context, place);
      const again = await once(context, place);
      await context.close();
      found[name].bytes = Math.max(found[name].bytes, first.bytes);
      found[name].first.push(first.ms);
      found[name].again.push(again.ms);
    }
  }
  await browser.close();
  console.log(JSON.stringify({events, pages: found}));
}

await main();
