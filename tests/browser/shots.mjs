// Takes the pictures of docs/images: every page, light and dark, desktop and phone.

import {DESKTOP, PHONE, check, drawn, launch, open, setup, signIn} from "./harness.mjs";

const PAGES = [
  ["approvals", "alice", "/#/approvals"],
  ["overview", "olga", "/#/overview"],
  ["runs", "olga", "/#/runs"],
  ["run", "olga", "/#/runs/run_981/t_42", async (page) => {
    const record = page.locator("details.record").first();
    await record.locator("summary").first().click();
    await record.getByRole("button", {name: "Verify in my browser"}).click();
    await record.getByText("is verified.").waitFor();
    await record.locator("pre").evaluate((element) => element.remove()); // the picture is of the verdict
  }],
  ["policy", "olga", "/#/policy", async (page) => {
    await page.getByRole("button", {name: "Changes"}).first().click();
    await page.locator(".diff").first().waitFor();
    await page.getByLabel("Who asks").fill("support-1");
    await page.getByRole("button", {name: "Explain"}).click();
    await page.locator(".verdict").waitFor();
  }],
  ["stop", "olga", "/#/stop"],
  ["sign-in", null, "/"],
];

const browser = await launch();
for (const scheme of ["light", "dark"]) {
  for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
    for (const [name, who, path, act] of PAGES) {
      const page = await open(browser, {scheme, viewport, path});
      if (who !== null) {
        await signIn(page, who);
        await drawn(page);
        if (act) await act(page);
        await page.evaluate(() => document.activeElement?.blur());
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(wide <= 0, `${name} on a ${size} is ${wide} pixels too wide`);
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      await page.setViewportSize({width: viewport.width, height: Math.min(Math.max(height, viewport.height), size === "phone" ? 1300 : 1500)});
      await page.evaluate(() => scrollTo(0, 0));
      // what is in the picture is there
      await page.waitForFunction(() => [...document.querySelectorAll(".past-body")].every((body) =>
        body.getBoundingClientRect().top > innerHeight || body.innerText !== "Looking…"));
      await page.screenshot({path: `${setup.images}/${name}-${size}-${scheme}.png`});
      check(page.faults.length === 0, page.faults.join("\n"));
      await page.context().close();
    }
  }
}
await browser.close();
