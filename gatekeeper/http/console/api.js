// Talks to the API in the name of the session, and tells problems in words.

let csrf = null;

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `HTTP ${status}`);
    this.status = status;
    this.code = body.code || "";
    this.body = body;
  }
}

/** Called when the session is over. */
let onSignedOut = () => {};
export function whenSignedOut(callback) {
  onSignedOut = callback;
}

async function ask(method, path, body, signal) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (csrf !== null && method !== "GET") headers["X-CSRF-Token"] = csrf;
  try {
    return await fetch(path, {method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body)});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, {detail: "gatekeeper can't be reached"});
  }
}

/** The answer as an object; one that isn't JSON becomes a problem's words. */
function parse(answer, text) {
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch {
    return {detail: `an answer that isn't JSON (HTTP ${answer.status})`};
  }
}

function refuse(answer, path, value) {
  if (answer.status === 401 && path !== "/v1/session") onSignedOut();
  throw new Problem(answer.status, value);
}

export async function call(method, path, body, signal) {
  const answer = await ask(method, path, body, signal);
  const value = parse(answer, await answer.text());
  return answer.ok ? value : refuse(answer, path, value);
}

/** What lies at a path, exactly. */
export async function bytes(path) {
  const answer = await ask("GET", path);
  const found = new Uint8Array(await answer.arrayBuffer());
  return answer.ok ? found : refuse(answer, path, parse(answer, new TextDecoder().decode(found)));
}

export const text = async (path) => new TextDecoder().decode(await bytes(path));
export const get = (path, signal) => call("GET", path, undefined, signal);
export const post = (path, body, signal) => call("POST", path, body, signal);

/** Path pieces and query values, escaped. */
export const path = (strings, ...values) =>
  strings.reduce((out, piece, i) => out + piece + (i < values.length ? encodeURIComponent(values[i]) : ""), "");

function keep(session) {
  csrf = session.csrf ?? null;
  return session.identity;
}

/** Who is signed in; null: nobody. */
export async function whoAmI() {
  try {
    return keep(await get("/v1/session"));
  } catch (problem) {
    if (problem.status === 401) return null;
    throw problem;
  }
}

/** Sign in as who the identity provider in front says; null: there is none, or it says nothing. */
export async function signInByProvider() {
  try {
    return keep(await post("/v1/session", {}));
  } catch (problem) {
    if (problem.status === 401 || problem.status === 403) return null;
    throw problem;
  }
}

export async function signIn(token) {
  return keep(await post("/v1/session", {token}));
}

export async function signOut() {
  try {
    await call("DELETE", "/v1/session");
  } finally {
    csrf = null;
  }
}
