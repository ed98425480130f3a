// The approvals page is told what happens: by the event stream, and by looking again where there is none.

import {api, ask, open, run, same, setup, signIn, test} from "./harness.mjs";

const SOON = {timeout: 2500}; // sooner than any look at the clock

const state = (page, word) => page.locator(`[data-live=${word}]`).waitFor();

async function approvalsOf(page) {
  await state(page, "live");
  await page.locator(".empty, article").first().waitFor();
}

/** Count what the page asks for besides its stream. */
function looks(page) {
  const seen = [];
  page.on("request", (request) => {
    if (request.url().includes("/v1/approvals?")) seen.push(request.url());
  });
  return seen;
}

test("an approval appears at once, and goes when somebody else has decided", async (browser) => {
  const page = await open(browser);
  await signIn(page, "alice");
  await approvalsOf(page);
  const asked = await ask("live/1", "refund.create", {order: "L-1", amount: 60, currency: "EUR"});
  const card = page.locator("article").filter({hasText: "live/1"});
  await card.waitFor(SOON);
  await api("bob", "POST", `/v1/approvals/${asked.approval.approval_id}/deny`, {});
  await card.waitFor({state: "detached", ...SOON});
  same(page.faults, []);
});

test("nothing is asked for while nothing happens", async (browser) => {
  const page = await open(browser);
  await signIn(page, "bob");
  await approvalsOf(page);
  await page.waitForTimeout(500);
  const seen = looks(page);
  await page.waitForTimeout(4000); // a page that looks every three seconds would have looked
  same(seen.length, 0);
});

test("where the stream is refused the page says so and looks by itself", async (browser) => {
  const page = await open(browser);
  await page.route("**/v1/events/stream**", (route) => route.fulfill({status: 429, contentType: "application/problem+json",
    body: JSON.stringify({code: "too_many_streams", status: 429})}));
  await signIn(page, "alice");
  await state(page, "alone");
  await ask("live/2", "refund.create", {order: "L-2", amount: 60, currency: "EUR"});
  await page.locator("article").filter({hasText: "live/2"}).waitFor({timeout: 8000});
});

test("a connection that breaks is told and comes back", async (browser) => {
  const page = await open(browser);
  let broken = true;
  await page.route("**/v1/events/stream**", (route) => (broken ? route.abort("connectionreset") : route.continue()));
  await signIn(page, "alice");
  await page.locator("[data-live=lost], [data-live=alone]").waitFor();
  broken = false;
  await page.locator("[data-live=live]").waitFor({timeout: 25000});
});

test("who is signed out elsewhere is told without touching the page", async (browser) => {
  const page = await open(browser);
  await signIn(page, "alice");
  await approvalsOf(page);
  const [cookie] = await page.context().cookies();
  const headers = {Cookie: `${cookie.name}=${cookie.value}`};
  const session = await (await fetch(`${setup.url}/v1/session`, {headers})).json();
  same((await fetch(`${setup.url}/v1/session`, {method: "DELETE", headers: {...headers, "X-CSRF-Token": session.csrf}})).status, 200);
  await page.getByText("The session is over: sign in again.").waitFor({timeout: 8000});
});

test("a page that nobody sees lets go of its stream, and catches up when it is seen", async (browser) => {
  const page = await open(browser);
  await signIn(page, "alice");
  await approvalsOf(page);
  const hide = (hidden) => page.evaluate((value) => {
    Object.defineProperty(document, "hidden", {value, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
  await hide(true);
  await page.waitForTimeout(2000); // for a look that was on its way
  const seen = looks(page);
  await ask("live/3", "refund.create", {order: "L-3", amount: 60, currency: "EUR"});
  await page.waitForTimeout(4000);
  same(seen.length, 0);
  await hide(false);
  await page.locator("article").filter({hasText: "live/3"}).waitFor(SOON);
  await state(page, "live");
});

await run();
