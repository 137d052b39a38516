"""What a restart must keep, and what it must not: keys, the well-known ones, secrets, a second server, a second signal."""

import signal
import subprocess
import tempfile
import time

from harness import HEADERS, WISP, Server, close, headers


def main():
    checks = {}
    with tempfile.TemporaryDirectory(prefix="wisp-restart-") as home:
        server = Server(home)

        def opens(key_headers):
            return server.call("GET", "/actions", headers=key_headers)[0] == 200

        server.start("--log", "info")
        own = headers(dict(line.split("=", 1) for line in (server.data / "wskprops").read_text().split())["AUTH"])
        checks["the first start tells a key that opens"] = opens(own)
        checks["well-known keys are closed"] = not opens(HEADERS)
        second = subprocess.run(
            [WISP, "serve", "--listen", "127.0.0.1:0", "--data", str(server.data)], capture_output=True, text=True
        )
        checks[f"a second server is refused and says why: {second.stderr[-200:]}"] = (
            second.returncode != 0 and str(server.data) in second.stderr
        )
        value = "nobody-reads-this-on-disk"
        server.call("PUT", "/secrets/token", {"value": value}, headers=own)
        code = {"kind": "nodejs:default", "code": "const main = () => ({ got: process.env.TOKEN });"}
        secrets = [{"key": "secrets", "value": {"TOKEN": "token"}}]
        server.call("PUT", "/actions/peek", {"exec": code, "annotations": secrets}, headers=own)
        server.kill()
        stored = [path for path in server.data.rglob("*") if path.is_file() and value.encode() in path.read_bytes()]
        checks[f"a secret is nowhere in the data directory: {stored}"] = not stored
        server.start("--dev")
        got = server.call("POST", "/actions/peek?blocking=true&result=true", {}, headers=own)
        checks[f"a secret is there again after kill -9: {got}"] = got[1] == {"got": value}
        checks["with --dev the well-known keys open"] = opens(HEADERS)
        checks["with --dev the own key still opens"] = opens(own)
        server.deploy("slow", "nodejs:default", "const main = () => new Promise((end) => setTimeout(end, 20000));")
        server.call("POST", "/actions/slow")
        time.sleep(1)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        checks["a stopping server waits for what runs"] = server.process.poll() is None
        checks["a second signal ends it at once"] = server.stop() == 0
        server.start("--log", "info")
        checks["without --dev they are closed again"] = not opens(HEADERS)
        checks["the own key is the same"] = opens(own)
        checks["it ends with 0 on SIGTERM"] = server.stop() == 0
    close("restart", checks)


if __name__ == "__main__":
    main()
