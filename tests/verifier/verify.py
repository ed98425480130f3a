#!/usr/bin/env python3
"""A second verifier, which shares nothing with gatekeeper: an export and a verifier key in, "verified" or the first fault out.

Written from the specifications alone: RFC 6962 (tree), RFC 8032 (Ed25519), RFC 8785 (canonical JSON), C2SP signed-note,
tlog-checkpoint and tlog-tiles, and docs/journal-format.md.  Usage: verify.py DIR VKEY.
"""
import base64, hashlib, json, pathlib, sys  # noqa: E401
# --- Ed25519, RFC 8032, section 6: verification only
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P

def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P
def multiply(n, p):
    q = (0, 1, 1, 0)
    while n:
        q = add(q, p) if n & 1 else q
        n, p = n >> 1, add(p, p)
    return q
def decompress(data):
    y, sign = int.from_bytes(data, "little") & (1 << 255) - 1, data[31] >> 7
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    x = x if x * x % P == x2 else x * pow(2, (P - 1) // 4, P) % P
    if y >= P or x * x % P != x2 or (x == 0 and sign):
        raise ValueError("not a point")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P
def compress(p):
    z = pow(p[2], P - 2, P)
    return (p[1] * z % P | (p[0] * z % P & 1) << 255).to_bytes(32, "little")
BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
def signed(public, message, signature):
    s = int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    x, y, z, t = decompress(public)
    return s < L and compress(add(multiply(s, BASE), multiply(h, (P - x, y, z, P - t)))) == signature[:32]
# --- the tree, RFC 6962, section 2.1
def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()
def root_of(hashes):
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256().digest()
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root_of(hashes[:k]) + root_of(hashes[k:])).digest()
class Fault(Exception): pass  # noqa: E701
def check(ok, where, what):
    if not ok:
        raise Fault(f"{where}: {what}")

def read_head(text, vkey):
    """C2SP signed-note and tlog-checkpoint, by the one key that is believed: size and root."""
    name, key_id, key = vkey.split("+", 2)
    public = base64.b64decode(key, validate=True)
    check(hashlib.sha256(name.encode() + b"\n" + public).hexdigest()[:8] == key_id and public[0] == 1 and len(public) == 33, "key", "not a key")
    body, found, lines = text.rpartition(b"\n\n")
    origin, size, root, *more = body.decode().split("\n")
    check(found and lines.endswith(b"\n") and all(more) and origin == name and size.isascii() and str(int(size)) == size, "checkpoint", "malformed")
    good = 0
    for line in lines[:-1].split(b"\n"):
        dash, who, value = line.decode().split(" ")
        data = base64.b64decode(value, validate=True)
        check(dash == "\u2014" and who and base64.b64encode(data).decode() == value and len(data) > 4, "checkpoint", "a signature line that isn't one")
        if who == name and data[:4].hex() == key_id:
            check(len(data) == 68 and signed(public[1:], body + b"\n", data[4:]), "checkpoint", "a signature that doesn't verify")
            good += 1
    check(good, "checkpoint", "not signed by the key")
    value = base64.b64decode(root, validate=True)
    check(int(size) > 0 and len(value) == 32 and base64.b64encode(value).decode() == root, "checkpoint", "an empty log, or no root")
    return int(size), value

def tile_path(folder, kind, index):
    digits = f"{index:03d}".zfill(-(-len(str(index)) // 3) * 3)
    groups = [digits[i:i + 3] for i in range(0, len(digits), 3)]
    return folder / "tile" / kind / "/".join(["x" + group for group in groups[:-1]] + [groups[-1]])

def load(folder, kind, index, width):
    """A tile or bundle: under its own name, or as the beginning of the complete one."""
    full = tile_path(folder, kind, index)
    partial = full.with_name(f"{full.name}.p") / str(width)
    if width < 256 and partial.is_file():
        return partial.read_bytes(), width, partial
    check(full.is_file(), full, "missing")
    return full.read_bytes(), 256, full

def entries_of(folder, index, width):
    data, wide, path = load(folder, "entries", index, width)
    entries = []
    while data:
        n = int.from_bytes(data[:2], "big")
        check(len(data) >= 2 + n, path, "cut short")
        entries.append(data[2:2 + n])
        data = data[2 + n:]
    check(len(entries) == wide, path, f"{len(entries)} entries, not {wide}")
    return entries[:width]

def canonical(event):
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()  # names are ASCII, numbers whole

def check_policy(folder, digest):
    """docs/journal-format.md: SHA-256 over name, 0, length, 0, content of each file."""
    path = folder / "policies" / (digest.removeprefix("sha256:") + ".json")
    check(path.is_file(), path, "the text of a policy is missing")
    text, files = path.read_bytes(), json.loads(path.read_bytes())["files"]
    parts = [b"%s\0%d\0%s" % (f["name"].encode(), len(f["text"].encode()), f["text"].encode()) for f in files]
    check(canonical(json.loads(text)) == text and "sha256:" + hashlib.sha256(b"".join(parts)).hexdigest() == digest, path, "isn't what its digest names")

def verify(folder, vkey):
    folder = pathlib.Path(folder)
    size, root = read_head((folder / "checkpoint").read_bytes(), vkey)
    hashes, last, allows, texts, gone, retained = [], "", {}, set(), 0, 0
    for at in range(0, size, 256):
        if at == gone and size - at >= 256 and not tile_path(folder, "entries", at // 256).exists():
            data, gone = load(folder, "0", at // 256, 256)[0], at + 256  # let go: the tile tells the hashes
            hashes += [data[i:i + 32] for i in range(0, 8192, 32)]
            continue
        for entry in entries_of(folder, at // 256, min(256, size - at)):
            seq, event = len(hashes), json.loads(entry)
            check(canonical(event) == entry and event["seq"] == seq and event["timestamp"] >= last, f"seq {seq}", "not the event that belongs here")
            check((event["kind"] == "genesis") == (seq == 0), f"seq {seq}", "genesis is the first event, and only that")
            last = event["timestamp"]
            if event["kind"] == "decision":
                allows.update({seq: event["decision_id"]} if event["decision"] == "allow" else {})
                texts.add(event["policy"])
            if event["kind"] == "retention" and event["retention"]["what"] == "bodies":
                retained = max(retained, event["retention"]["minimum"])
            if event["kind"] == "result" and event["change"] in ("reported", "unreported") and event["of_seq"] >= gone:
                check(allows.pop(event["of_seq"], None) == event["decision_id"], f"seq {seq}", "closes no open allow")
            hashes.append(leaf_hash(entry))
    check(gone <= retained, "tile/entries", "missing, and no retention has let them go")
    check(root_of(hashes) == root, "checkpoint", "the events don't have the root that was signed")
    for level in range(8):
        for at in range(0, len(hashes), 256):
            want = hashes[at:at + 256]
            data, wide, path = load(folder, str(level), at // 256, len(want))
            check(len(data) == 32 * wide and data[:32 * len(want)] == b"".join(want), path, "not the hashes of the events")
        hashes = [root_of(hashes[at:at + 256]) for at in range(0, len(hashes) - 255, 256)]
    for digest in sorted(texts if (folder / "policies").is_dir() else ()):
        check_policy(folder, digest)
    return size

if __name__ == "__main__":
    try:
        print(f"verified: {verify(sys.argv[1], sys.argv[2])} events")
    except (Fault, OSError, ValueError, KeyError, TypeError, AttributeError) as why:
        sys.exit(f"damaged: {type(why).__name__} {why}")
