"""`wisp deploy` and `wisp export` against a server: plan, apply, again, change, prune, drift, export and back, mistakes."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from harness import KEY, WISP, Server, close

MANIFEST = """
project: shop
packages:
  tools:
    parameters: {city: $CITY}
    actions:
      resize: {function: resize, web: true, limits: {memory: 512}, environment: {MODE: fast}}
      peek: {code: "function main(p) { return { t: process.env.TOKEN, m: process.env.MODE, c: p.city } }",
             runtime: "nodejs:default", secrets: {TOKEN: token}, environment: {MODE: slow}}
    sequences:
      both: [resize, peek]
actions:
  hello: hello.js
triggers:
  tick:
rules:
  r: {trigger: tick, action: tools/both}
  quiet: {trigger: tick, action: hello, status: inactive}
sources:
  yearly: {feed: alarms/alarm, parameters: {cron: "0 0 1 1 *"}, action: tools/both}
apis:
  Shop:
    shop:
      resized: {tools/resize: {method: [get, post], response: json}}
      "resized/{id}": {tools/resize: put}
  Files: files.yaml
"""

FILES = """
openapi: 3.1.0
info: {title: Files, version: "1", description: more than paths}
servers: [{url: /files}]
x-wisp: {requireKey: true}
paths:
  /all: {get: {operationId: all, x-openwhisk: {namespace: _, package: tools, action: resize, url: "https://any/resize.json"}}}
"""

WSKDEPLOY = """
packages:
  demo:
    version: 1.0
    license: Apache-2.0
    inputs: {region: {type: string, value: north}}
    actions:
      greet: {function: hello.js, runtime: "nodejs:default", inputs: {name: you}, limits: {memorySize: 128}, web: yes,
              annotations: {require-whisk-auth: s3same}}
    sequences:
      twice: {actions: "greet, greet"}
    triggers:
      ring: {inputs: {loud: true}}
    rules:
      answer: {trigger: ring, action: greet}
    apis:
      demo-api: {old: {greeting: {greet: GET}}}
"""


class Shell:
    """Runs the command line against a server."""

    def __init__(self, server, home):
        self.base = [WISP, "--apihost", f"http://127.0.0.1:{server.port}", "--auth", KEY]
        self.environment = {"PATH": os.environ["PATH"], "HOME": home, "CITY": "Oslo"}

    def call(self, *words):
        return subprocess.run(
            [*self.base, *words], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
        )

    def run(self, *words):
        done = self.call(*words)
        return done.returncode, done.stdout + done.stderr

    def plan(self, *words):
        """How many steps of each sort `wisp deploy` finds."""
        done = self.call("deploy", *words, "--plan", "--output", "json")
        if done.returncode != 0:
            return done.stderr
        steps = [step["what"] for step in json.loads(done.stdout)["plan"]["steps"]]
        return {what: steps.count(what) for what in sorted(set(steps))}


def write(folder, manifest):
    (folder / "resize").mkdir(parents=True, exist_ok=True)
    (folder / "wisp.yaml").write_text(manifest)
    (folder / "files.yaml").write_text(FILES)
    (folder / "hello.js").write_text("function main(p) { return { hello: p.name } }\n")
    (folder / "resize" / "index.js").write_text("exports.main = (p) => ({ resized: true, ...p })\n")
    (folder / "resize" / "package.json").write_text('{"main":"index.js"}\n')


def main():
    checks = {}
    with tempfile.TemporaryDirectory(prefix="wisp-deploy-") as home:
        server = Server(home)
        server.start("--dev")
        shell, shop = Shell(server, home), Path(home) / "shop"
        write(shop, MANIFEST)
        shop = str(shop)

        seen = shell.plan(shop)
        checks[f"the plan creates all: {seen}"] = seen == {"create": 12}
        checks["the plan has done nothing"] = server.call("GET", "/actions")[1] == []
        code, output = shell.run("deploy", shop)
        checks[f"without a terminal and --yes nothing is done: {output[-200:]}"] = code == 2 and "--yes" in output
        code, output = shell.run("deploy", shop, "--yes")
        checks[f"it is carried out, and warns of a missing secret: {output[-300:]}"] = (
            code == 0 and "ok: created rule /guest/r" in output and "wisp secret set token" in output
        )
        seen = shell.plan(shop)
        checks[f"a second time there is nothing to do: {seen}"] = seen == {"keep": 12}
        shell.run("secret", "set", "token", "s3cret")
        code, output = shell.run("action", "invoke", "tools/both", "-r")
        checks[f"what was deployed runs: {output}"] = '"t": "s3cret"' in output and '"c": "Oslo"' in output
        rules = {rule: server.call("GET", f"/rules/{rule}")[1].get("status") for rule in ("r", "quiet")}
        checks[f"rules are as active as they shall be: {rules}"] = rules == {"r": "active", "quiet": "inactive"}

        resized = server.fetch("/gw/guest/shop/resized/7?n=1", "PUT")
        checks[f"the API reaches its action, with the path: {resized}"] = resized[0] in (200, 204)
        listed = server.fetch("/gw/guest/shop/resized?n=1")
        checks[f"and as JSON: {listed}"] = listed[0] == 200 and json.loads(listed[1])["resized"] is True
        closed = server.fetch("/gw/guest/files/all")
        checks[f"an API of a document has its policy: {closed}"] = closed[0] == 401
        shell.run("api", "policy", "/shop", "--rate", "9/second")
        shell.run("api", "delete", "/shop", "/resized", "post")
        seen = shell.plan(shop)
        checks[f"an API that was changed by hand is found: {seen}"] = seen == {"keep": 11, "update": 1}
        shell.run("deploy", shop, "--yes")
        policy = json.loads(shell.run("api", "policy", "/shop")[1])
        checks[f"and repaired, but for who may call: {policy}"] = policy == {"rate": "9/second"}
        shell.run("api", "policy", "/shop", "--open")

        server.deploy("hello", "nodejs:default", "function main() { return { changed: 'by hand' } }")
        seen = shell.plan(shop)
        checks[f"what was changed by hand is found: {seen}"] = seen == {"keep": 11, "update": 1}
        server.deploy("stranger", "nodejs:default", "function main() { return {} }")
        less = MANIFEST.replace("  quiet: {trigger: tick, action: hello, status: inactive}\n", "")
        write(Path(shop), less.replace("  hello: hello.js", "  bye: hello.js").replace("memory: 512", "memory: 256"))
        seen = shell.plan(shop)
        checks[f"without --prune nothing is deleted: {seen}"] = seen == {"create": 1, "keep": 9, "update": 1}
        code, output = shell.run("deploy", shop, "--yes", "--prune")
        gone = [server.call("GET", path)[0] for path in ("/actions/hello", "/rules/quiet", "/actions/stranger")]
        checks[f"--prune deletes what left the manifest, and nobody else's: {gone} {output[-200:]}"] = gone == [404, 404, 200]

        out = str(Path(home) / "out")
        code, output = shell.run("export", out, "--project", "shop")
        seen = shell.plan(out)
        checks[f"what was exported is what is there, but for the file of an API: {seen} {output[-200:]}"] = (
            seen == {"keep": 10, "update": 1}
        )
        written = (Path(out) / "wisp.yaml").read_text()
        checks[f"the manifest has sources and APIs: {written}"] = all(
            words in written for words in ("sources:", "feed: alarms/alarm", "apis:", "document: apis/files.json")
        )
        code, output = shell.run("export", out)
        checks["an export does not replace files unasked"] = code == 2 and "--force" in output
        stored = "".join(path.read_text(errors="replace") for path in Path(out).rglob("*") if path.is_file())
        checks["no secret is in it"] = "s3cret" not in stored

        (Path(shop) / "old").mkdir()
        (Path(shop) / "old" / "manifest.yaml").write_text(WSKDEPLOY.replace("hello.js", "../hello.js"))
        code, output = shell.run("deploy", str(Path(shop) / "old"), "--project", "old", "--yes")
        code2, fired = shell.run("action", "invoke", "demo/twice", "-r")
        checks[f"a manifest of wskdeploy works: {output[-200:]} {fired}"] = code == 0 and code2 == 0 and "hello" in fired
        greeting = server.fetch("/gw/guest/old/greeting")
        checks[f"its API knows the secret of its action: {greeting}"] = greeting[0] == 204
        seen = shell.plan(str(Path(shop) / "old"), "--project", "old")
        checks[f"and is as wanted afterwards: {seen}"] = seen == {"keep": 6}
        (Path(shop) / "old" / "manifest.yaml").write_text("packages: {demo: {}}")
        code, output = shell.run("deploy", str(Path(shop) / "old"), "--project", "old", "--yes", "--prune")
        gone = server.fetch("/gw/guest/old/greeting")[0]
        checks[f"an API that left the manifest is deleted, before its action: {gone} {output[-400:]}"] = (
            gone == 404 and output.index("deleted API") < output.index("deleted action")
        )

        for manifest, reason in [
            ("project: x\nactions: {a: {functoin: x}}", "actions.a.functoin: unknown field"),
            ("project: x\nactions: {a: nowhere.js}", "nowhere.js"),
            ("project: x\nactions: {a: {code: x, runtime: cobol}}", "cobol"),
            ("actions: {}", "names no project"),
            ("project: x\nsequences: {a: b, b: a}", "need each other in a circle"),
            ("project: x\ntriggers: {t: {parameters: {who: $NOBODY}}}", "triggers.t.parameters.who"),
            ("project: x\napis: {A: {b: {p: {nobody: get}}}}", "needs action"),
            ("project: x\napis: {A: {b: {p: {hello: fetch}}}}", "method 'fetch'"),
            ("project: x\nactions: {x: {code: y, runtime: 'nodejs:default'}}\ntriggers: {x: }", "is there twice"),
        ]:
            (Path(shop) / "bad.yaml").write_text(manifest)
            code, output = shell.run("deploy", str(Path(shop) / "bad.yaml"), "--yes")
            checks[f"refused with a reason: {reason} in {output[-300:]}"] = code != 0 and reason in output
        server.stop()
    close("deploy", checks)


if __name__ == "__main__":
    main()
