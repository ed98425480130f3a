#!/usr/bin/env python3
"""Start gatekeeper with the people that the console's tests need, and run them in a browser: NAME.mjs prints the TAP.

test_console.py FOLDER NAME: FOLDER is where the packages of package-lock.json are installed, once; in the build tree.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "scenario"))
import harness  # noqa: E402


POLICY = harness.POLICY + """\
limits:
  - id: reads-of-a-run
    actions: [kb.read]
    max: 50
    per: run
"""
APPROVALS = """\
  - {id: two-persons, actions: [wire.send], approvers: {groups: [finance], count: 2}, show: [/amount], risk: high}
  - {id: fleeting, actions: [quick.thing], approvers: {groups: [finance]}, expires: 2s}
  - id: bounded
    actions: [pay.out]
    reason: payment_above_limit
    risk: low
    approvers: {groups: [finance]}
    show: [/order, /amount, /customer/name, /customer/a~1b~0c]
    bounded: {max_uses: 5, max_ttl: 2h, pins: [args.order]}
"""
PEOPLE = harness.POLICY.replace("[refund.create]", "[refund.create, wire.send, quick.thing, pay.out]", 1) + APPROVALS
POLICIES = {"approvals": PEOPLE, "card": PEOPLE}


def prepare(folder: pathlib.Path) -> None:
    """Copies of the tests with the packages beside them: Node finds packages from where a file lies."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = HERE / "package-lock.json"
    fresh = (folder / "package-lock.json").exists() and (folder / "package-lock.json").read_bytes() == lock.read_bytes()
    for path in [*HERE.glob("*.mjs"), HERE / "package.json", lock]:
        shutil.copy(path, folder)
    if not fresh or not (folder / "node_modules/playwright-core").is_dir():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True, stdout=sys.stderr)


def main() -> int:
    if shutil.which("node") is None or not os.path.exists(os.environ.get("CHROMIUM", "/usr/bin/chromium")):
        print("1..0 # SKIP node or chromium is missing: scripts/install-deps --test")
        return 0
    folder = pathlib.Path(sys.argv[1]).resolve()
    prepare(folder)
    server = harness.Server(POLICIES.get(sys.argv[2], POLICY), config={"audit": {"show_fields": ["order", "amount", "currency", "note", "name", "a/b~c"]}}).start()
    human = {"kind": "human", "tenant": "*"}
    tokens = {
        "agent": server.token("agent-7", "agent", "agent", agent="support-agent", tenant="t_42", may_actors="u_*",
                              may_roles="support"),
        "alice": server.token("alice", can="approver", group="finance", **human),
        "bob": server.token("bob", can="approver", group="finance", **human),
        "metrics": server.token("prom", "service", "metrics", tenant="*"),
        "operator": server.token("olga", can=["operator", "auditor"], **human),
    }
    setup = {"url": f"http://127.0.0.1:{server.port}", "tokens": tokens, "policies": str(server.root / "policies"), "images": os.environ.get("GATEKEEPER_IMAGES")}
    done = subprocess.run(["node", str(folder / f"{sys.argv[2]}.mjs")], check=False,
                          env={**os.environ, "GATEKEEPER_BROWSER_SETUP": json.dumps(setup)})
    return done.returncode or server.stop()


if __name__ == "__main__":
    sys.exit(main())
