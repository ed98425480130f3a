// Verifies one event in this browser: its bytes, its proof and the log's signature, by C2SP tlog-proof and RFC 9162.

const PROOF_HEAD = "c2sp.org/tlog-proof@v1";
const PATH_MAX = 63;
const ED25519 = 1;

/** A check that failed; what is wrong, in words for people. */
export class Damage extends Error {}

function fail(text) {
  throw new Damage(text);
}

/** Bytes of base64 in its one canonical form; null: it isn't. */
function fromBase64(text) {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) return null;
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return btoa(String.fromCharCode(...bytes)) === text ? bytes : null;
}

function hex(bytes) {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function same(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer()));
}

const leafHash = (bytes) => sha256(Uint8Array.of(0), bytes);
const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);

/** {origin, size, root, body, signatures: [{name, bytes}]} of a signed note that is a checkpoint. */
export function parseCheckpoint(text) {
  const cut = text.indexOf("\n\n");
  if (cut < 0) fail("The head of the log has no signature.");
  const body = text.slice(0, cut + 1);
  const [origin, size, root] = body.split("\n");
  const rootBytes = fromBase64(root ?? "");
  if (!/^(0|[1-9][0-9]{0,17})$/.test(size ?? "") || rootBytes === null || rootBytes.length !== 32) {
    fail("The head of the log can't be read.");
  }
  const signatures = text.slice(cut + 2).split("\n").filter((line) => line !== "").map((line) => {
    const found = /^— (\S+) (\S+)$/.exec(line);
    const bytes = found && fromBase64(found[2]);
    if (!bytes || bytes.length < 5) fail("A signature under the head of the log can't be read.");
    return {name: found[1], bytes};
  });
  return {origin, size: BigInt(size), root: rootBytes, body, signatures};
}

/** {index, path, checkpoint} of a tlog-proof. */
export function parseProof(text) {
  const cut = text.indexOf("\n\n");
  const lines = cut < 0 ? [] : text.slice(0, cut).split("\n");
  if (lines[0] !== PROOF_HEAD) fail("The proof can't be read: it isn't a tlog-proof.");
  let at = 1;
  if (lines[at]?.startsWith("extra ")) at++;
  const index = /^index (0|[1-9][0-9]{0,17})$/.exec(lines[at] ?? "");
  const path = lines.slice(at + 1).map(fromBase64);
  if (index === null || path.length > PATH_MAX || path.some((hash) => hash === null || hash.length !== 32)) {
    fail("The proof can't be read.");
  }
  return {index: BigInt(index[1]), path, checkpoint: parseCheckpoint(text.slice(cut + 2))};
}

/** The root that a leaf and its path lead to (RFC 9162, 2.1.3.2); null: the path has another length. */
async function climb(index, size, leaf, path) {
  let fn = index;
  let sn = size - 1n;
  let hash = leaf;
  if (index >= size) return null;
  for (const other of path) {
    if (sn === 0n) return null;
    if ((fn & 1n) === 1n || fn === sn) {
      hash = await nodeHash(other, hash);
      while ((fn & 1n) === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      hash = await nodeHash(hash, other);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n ? hash : null;
}

/** {name, id, key} of a verifier key "name+hash+base64". */
export async function parseKey(text) {
  const found = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim());
  const bytes = found && fromBase64(found[3]);
  if (!bytes || bytes.length !== 33 || bytes[0] !== ED25519) fail("The verifier key can't be read.");
  const id = (await sha256(new TextEncoder().encode(`${found[1]}\n`), bytes)).slice(0, 4);
  if (hex(id) !== found[2]) fail("The verifier key can't be read: its parts don't belong together.");
  return {name: found[1], id, key: bytes.slice(1)};
}

/** How many signatures of that key stand under the checkpoint and are good; a bad one is damage. */
async function checkSignature(checkpoint, vkey) {
  const key = await crypto.subtle.importKey("raw", vkey.key, {name: "Ed25519"}, false, ["verify"]);
  const body = new TextEncoder().encode(checkpoint.body);
  const own = checkpoint.signatures.filter((one) => one.name === vkey.name && same(one.bytes.slice(0, 4), vkey.id));
  if (own.length === 0) fail("The head of the log isn't signed by this key.");
  for (const one of own) {
    if (!await crypto.subtle.verify({name: "Ed25519"}, key, one.bytes.slice(4), body)) {
      fail("The signature under the head of the log is wrong: the head, or its signature, has been changed.");
    }
  }
}

/** Is what the page shows what the bytes say?  Members that only the page has are opened values and hashes. */
function checkShown(shown, bytes) {
  let recorded;
  try {
    recorded = JSON.parse(new TextDecoder("utf-8", {fatal: true}).decode(bytes));
  } catch {
    fail("The event has been changed: its bytes aren't an event any more.");
  }
  for (const [name, value] of Object.entries(recorded)) {
    if (JSON.stringify(value) !== JSON.stringify(shown[name])) {
      fail(`The event that this page shows isn't the recorded one: they differ in “${name}”.`);
    }
  }
}

/** Why this browser can't verify; null: it can. */
export async function whyNot() {
  if (!globalThis.crypto?.subtle) {
    return "This browser verifies only over https or on a loopback address. “gatekeeper verify --event” does it anywhere.";
  }
  try {
    await crypto.subtle.importKey("raw", new Uint8Array(32).fill(1), {name: "Ed25519"}, false, ["verify"]);
    return null;
  } catch {
    return "This browser is too old to check Ed25519 signatures. “gatekeeper verify --event” does it.";
  }
}

/**
 * Verify: shown is the event as a page has it, bytes (Uint8Array) and proof (text) are what the log gave, vkey says whose log.
 * Gives {leaf, size, origin, witnesses}; throws Damage, in words, at the first thing that is wrong.
 */
export async function verifyEvent(shown, bytes, proof, vkey) {
  const key = await parseKey(vkey);
  const parsed = parseProof(proof);
  const {checkpoint} = parsed;
  const leaf = await leafHash(bytes);
  if (hex(leaf) !== shown.leaf_hash) fail("The event has been changed: its bytes have another hash than the one in the log.");
  checkShown(shown, bytes);
  if (parsed.index !== BigInt(shown.seq)) fail(`The proof is of another event, number ${parsed.index}.`);
  if (checkpoint.origin !== key.name) fail(`The proof is of another log, ${checkpoint.origin}.`);
  await checkSignature(checkpoint, key);
  const root = await climb(parsed.index, checkpoint.size, leaf, parsed.path);
  if (root === null || !same(root, checkpoint.root)) {
    fail("The proof is wrong: it doesn't lead from this event to the signed head of the log. The event or its proof has been changed.");
  }
  return {leaf: hex(leaf), size: checkpoint.size, origin: checkpoint.origin,
    witnesses: checkpoint.signatures.filter((one) => one.name !== key.name).map((one) => one.name)};
}
