// Starts the console: signs in, draws the frame, and shows the page that the address names.

import {get, signIn, signInByProvider, signOut, whenSignedOut, whoAmI} from "./api.js";
import {fill, h} from "./dom.js";

/**
 * Pages by the first word behind "#/": who may see them, and how they are drawn, which gives what ends it.  A page's modules come
 * when it is first looked at, all at once: one that is heard of only when another has come costs a round trip more.
 */
const load = (name, with_ = []) => async () => (await Promise.all([name, ...with_].map((one) => import(`./${one}.js`))))[0][`${name}Page`];
const pages = [
  {word: "approvals", title: "Approvals", can: ["approver", "operator", "auditor"], load: load("approvals", ["grants", "live"])},
  {word: "overview", title: "Overview", can: ["operator", "auditor"], load: load("overview", ["charts"])},
  {word: "runs", title: "Runs", can: ["auditor"], load: load("runs", ["run", "verify"])},
  {word: "policy", title: "Policy", can: ["operator", "auditor"], load: load("policy", ["diff", "explain"])},
  {word: "stop", title: "Emergency stop", can: ["operator", "auditor"], load: load("stop")},
];

const app = document.getElementById("app");
let identity = null;
let end = null;
let turn = 0; // of pages: what comes late isn't drawn over what came after it

function leave() {
  turn++;
  if (end) end();
  end = null;
}

function mayUse(page) {
  return page.can.some((word) => identity.can.includes(word));
}

/** A piece of the address; one that somebody has mangled is taken as it is. */
function decoded(piece) {
  try {
    return decodeURIComponent(piece);
  } catch {
    return piece;
  }
}

function route() {
  const [place, query] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const [word, ...rest] = place.split("/");
  const allowed = pages.filter(mayUse);
  return {page: allowed.find((page) => page.word === word) ?? allowed[0], rest: rest.map(decoded), query: new URLSearchParams(query ?? "")};
}

function drawSignIn(message = "") {
  leave();
  identity = null;
  document.title = "Sign in · gatekeeper";
  const field = h("input", {id: "token", type: "password", autocomplete: "current-password", required: true,
    spellcheck: "false", autofocus: true, "aria-describedby": "token-hint"});
  const say = h("p", {class: "error", role: "alert"}, message);
  const submit = async (event) => {
    event.preventDefault();
    fill(say);
    try {
      identity = await signIn(field.value.trim());
      field.value = "";
      drawFrame();
    } catch (problem) {
      fill(say, problem.status === 401 ? "That token is unknown, revoked or expired." : problem.message);
      field.select();
    }
  };
  fill(app, h("main", {id: "main", class: "sign-in"},
    h("h1", {}, "gatekeeper"),
    h("form", {onsubmit: submit},
      h("label", {for: "token"}, "Your token"),
      field,
      h("p", {id: "token-hint", class: "hint"}, "It begins with gk_. Whoever runs gatekeeper has given it to you; it isn't kept in this browser."),
      say,
      h("button", {class: "primary", type: "submit"}, "Sign in"))));
  field.focus();
}

function drawFrame() {
  const link = (page) => h("a", {href: `#/${page.word}`, "data-page": page.word}, page.title);
  const nav = h("nav", {"aria-label": "Pages"}, pages.filter((page) => mayUse(page) && page.word !== "stop").map(link));
  const leaveNow = async () => {
    await signOut().catch(() => {});
    drawSignIn("You are signed out.");
  };
  fill(app,
    h("header", {},
      h("a", {class: "brand", href: "#/", "aria-label": "gatekeeper"}, h("img", {src: "/assets/icon.svg", alt: ""}), h("span", {}, "gatekeeper")),
      nav,
      h("div", {class: "who"}, pages.filter((page) => mayUse(page) && page.word === "stop").map(link), h("span", {title: identity.can.join(", ")}, identity.person ?? identity.id),
        h("button", {class: "quiet", onclick: leaveNow}, "Sign out"))),
    h("main", {id: "main", tabindex: "-1"}));
  drawPage();
}

/** How many stops are in force stands in the link to them, on every page. */
async function tellStops() {
  const link = document.querySelector("a[data-page=stop]");
  if (link === null) return;
  const count = await get("/v1/kill-switches").then((answer) => answer.kill_switches.length, () => null);
  if (count === null) return;
  fill(link, "Emergency stop", count > 0 ? h("span", {class: "badge", title: `${count} in force`}, String(count), h("span", {class: "wide"}, " in force")) : null);
}

function drawPage() {
  if (identity === null) return;
  leave();
  const {page, rest, query} = route();
  const main = document.getElementById("main");
  if (!page) {
    fill(main, h("h1", {}, "Nothing to see"), h("p", {}, "Your identity has no permission that the console has a page for."));
    return;
  }
  for (const link of document.querySelectorAll("header a[data-page]")) {
    if (link.dataset.page === page.word) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${page.title} · gatekeeper`;
  tellStops();
  const mine = ++turn;
  page.load().then((draw) => {
    if (mine === turn && identity !== null) end = draw(main, {identity, rest, query}) ?? null;
  }, () => {
    if (mine === turn) fill(main, h("p", {class: "error", role: "alert"}, "This page can't be fetched just now: gatekeeper can't be reached."));
  });
}

/** Who an identity provider names has no token to paste: look there first. */
async function begin(message = "") {
  try {
    identity = await whoAmI() ?? await signInByProvider();
    if (identity === null) drawSignIn(message);
    else drawFrame();
  } catch (problem) {
    drawSignIn(problem.message);
  }
}

/** The page that the address names is on its way while it is found out who looks; who may not see it gets its script alone. */
pages.find((page) => location.hash.startsWith(`#/${page.word}`))?.load().catch(() => {});
whenSignedOut(() => begin("The session is over: sign in again."));
addEventListener("hashchange", drawPage);
await begin();
