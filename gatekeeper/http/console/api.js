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

export async function call(method, path, body, signal) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (csrf !== null && method !== "GET") headers["X-CSRF-Token"] = csrf;
  let answer;
  try {
    answer = await fetch(path, {method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body)});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, {detail: "gatekeeper can't be reached"});
  }
  const text = await answer.text();
  let value = {};
  try {
    value = text === "" ? {} : JSON.parse(text);
  } catch {
    value = {detail: `an answer that isn't JSON (HTTP ${answer.status})`};
  }
  if (!answer.ok) {
    if (answer.status === 401 && path !== "/v1/session") onSignedOut();
    throw new Problem(answer.status, value);
  }
  return value;
}

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
