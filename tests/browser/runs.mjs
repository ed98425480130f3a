// The record in a real browser: searching it, a run's story, and one event verified, whole and damaged.

import {PHONE, api, ask, check, open, run, same, setup, signIn, test} from "./harness.mjs";

/** A run with an allow and its result, a refund that somebody granted, and a violation. */
async function story(name) {
  const request = {request: {run_id: name}};
  const first = await ask("1", "kb.read", {}, request);
  await api("agent", "POST", `/v1/decisions/${first.decision_id}/result`, {status: "error", duration_ms: 7, error: {code: "upstream.timeout"}});
  const asked = await ask("2", "refund.create", {order: "A-9", amount: 3, currency: "EUR"}, request);
  await api("alice", "POST", `/v1/approvals/${asked.approval.approval_id}/grant`, {comment: "fine"});
  const stopped = await ask("3", "shell.run", {}, request);
  await api("agent", "POST", `/v1/decisions/${stopped.decision_id}/result`, {status: "ok", duration_ms: 1});
  return {first, asked, stopped};
}

test("a run is found and its story pairs decisions with what became of them", async (browser) => {
  await story("run_story");
  const page = await open(browser, {path: "/#/runs"});
  await signIn(page, "operator");
  await page.getByLabel("Run", {exact: true}).fill("run_story");
  await page.locator("#f-decision").selectOption("allow");
  await page.getByRole("button", {name: "Search"}).click();
  await page.getByRole("link", {name: "run_story"}).first().click();
  const step = page.locator("li.step").first();
  await step.getByText("upstream.timeout").waitFor();
  await page.getByText("vote to grant").waitFor();
  await page.getByText("approval granted").waitFor();
  await page.getByText("A-9").first().waitFor();
  await page.getByText("1 violation").waitFor();
  check(await page.locator("li.step.bad").getByText("shell.run").first().isVisible(), "the violation stands beside its decision");
  same(page.faults, []);
});

test("every field of the search narrows it down, and the address keeps it", async (browser) => {
  await story("run_narrow");
  const page = await open(browser, {path: "/#/runs"});
  await signIn(page, "operator");
  const rows = page.locator("table.events tbody tr");
  for (const [label, value, none] of [["Run", "run_narrow", "run_none"], ["Tenant", "t_42", "t_none"], ["Agent", "support-agent", "nobody"],
    ["For whom", "u_7", "u_none"], ["Action", "shell.run", "shell.none"], ["Reason", "no_rule_allows", "nothing"]]) {
    await page.getByLabel(label, {exact: true}).fill(value);
    await page.getByRole("button", {name: "Search"}).click();
    await rows.first().waitFor();
    await page.getByLabel(label, {exact: true}).fill(none);
    await page.getByRole("button", {name: "Search"}).click();
    await page.getByText("Nothing matches.").waitFor();
    await page.getByLabel(label, {exact: true}).fill(value);
  }
  await page.locator("#f-decision").selectOption("stop");
  await page.getByLabel("Since (UTC)").fill("2020-01-01T00:00");
  await page.getByRole("button", {name: "Search"}).click();
  await rows.first().waitFor();
  await page.reload();
  await rows.first().waitFor();
  same(await page.getByLabel("Reason", {exact: true}).inputValue(), "no_rule_allows");
  await page.getByLabel("Until (UTC)").fill("2020-01-02T00:00");
  await page.getByRole("button", {name: "Search"}).click();
  await page.getByText("Nothing matches.").waitFor();
  same(page.faults, []);
});

/** The page of a run with the record of its first step opened; change(page) may alter what the server answers. */
async function openRecord(browser, name, change = async () => {}) {
  const {first} = await story(name);
  const page = await open(browser, {path: `/#/runs/${name}/t_42`, viewport: PHONE});
  await change(page, first.event.seq);
  await signIn(page, "operator");
  const record = page.locator("details.record").filter({hasText: `Event ${first.event.seq} as recorded`});
  await record.locator("summary").first().click();
  await record.getByRole("button", {name: "Verify in my browser"}).click();
  return {page, record, seq: first.event.seq};
}

test("a good event is verified in the browser, by its bytes, its proof and the log's signature", async (browser) => {
  const {page, record, seq} = await openRecord(browser, "run_good");
  await record.getByText(`Event ${seq} is verified.`).waitFor();
  check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the window");
  same(page.faults, []);
});

/** Answer that path with what change makes of the real answer. */
const alter = (pattern, change) => async (page, seq) => {
  await page.route(pattern(seq), async (route) => {
    const answer = await route.fetch();
    await route.fulfill({response: answer, body: change(await answer.text())});
  });
};
const raw = (seq) => (url) => url.pathname === `/v1/events/${seq}` && url.search === "?raw=true";
const proof = (seq) => `**/v1/events/${seq}/proof`;
/** Another letter of base64 in the middle of a line. */
const flip = (line) => line.slice(0, -8) + (line.at(-8) === "A" ? "B" : "A") + line.slice(-7);
const flipLine = (wanted) => (text) => text.split("\n").map((line, i) => wanted(line, i) ? flip(line) : line).join("\n");

for (const [sentence, change, words] of [
  ["an event whose bytes were changed", alter(raw, (text) => text.replace('"allow"', '"stop"')), "The event has been changed"],
  ["an event that is no text any more", alter(raw, (text) => text.slice(0, -1)), "The event has been changed"],
  ["a proof with another hash", alter(proof, flipLine((_, i) => i === 2)), "it doesn't lead from this event to the signed head"],
  ["a proof that lost a hash", alter(proof, (text) => text.split("\n").filter((_, i) => i !== 2).join("\n")), "The proof is wrong"],
  ["a proof of another event", alter(proof, (text) => text.replace(/^index \d+$/m, "index 1")), "The proof is of another event"],
  ["a proof that is none", alter(proof, () => "hello\n"), "The proof can't be read"],
  ["a head with another signature", alter(proof, flipLine((line) => line.startsWith("\u2014 "))), "The signature under the head of the log is wrong"],
  ["a head with another root", alter(proof, (text) => {
    const [head, body] = text.split("\n\n");
    return text.replace(body, flipLine((_, i) => i === 2)(body)).replace(head, head);
  }), "The signature under the head of the log is wrong"],
  ["a head without a signature", alter(proof, (text) => text.replace(/\n\u2014 .*\n/, "\n")), "isn't signed by this key"],
  ["a page that shows something else than was recorded", alter(() => "**/v1/runs/**", (text) => text.replace('"reason":"allowed"', '"reason":"all_fine"')),
    "they differ in \u201creason\u201d"],
]) {
  test(`${sentence} isn't verified, and why is said in words`, async (browser) => {
    const {page, record, seq} = await openRecord(browser, `run_${sentence.replaceAll(/\W/g, "_")}`, change);
    await record.getByText(`Event ${seq} is not verified.`).waitFor();
    await record.getByText(words).waitFor();
    same(await record.getByText("is verified").count(), 0);
    same(page.faults, []);
  });
}

test("a key that a person brings is the one that counts", async (browser) => {
  const {page, record, seq} = await openRecord(browser, "run_key");
  await record.getByText(`Event ${seq} is verified.`).waitFor();
  await record.getByText("By the key that this server names").click();
  await record.getByLabel("Verifier key").fill("elsewhere.example+00000000+AQ==");
  await record.getByRole("button", {name: "Trust this key"}).click();
  await record.getByRole("button", {name: "Verify in my browser"}).click();
  await record.getByText("The verifier key can't be read").waitFor();
  await page.evaluate(() => localStorage.clear());
  await record.getByRole("button", {name: "Verify in my browser"}).click();
  await record.getByText(`Event ${seq} is verified.`).waitFor();
  const {vkey} = (await api("operator", "GET", "/v1/keys")).body;
  check(vkey.includes("+"), "the server names its key");
});

await run();
