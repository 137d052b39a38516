"""Container images from the command line to a browser: a plain web server, OpenWhisk's protocol by a shell script."""

import http.client
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from harness import KEY, WISP, Server, close

# A runtime of OpenWhisk's protocol in the shell: one connection after the other, with nothing but busybox.
RUNTIME = r"""#!/bin/busybox sh
length=0
read -r _ path _
while IFS= read -r line; do
  line=$(printf %s "$line" | /bin/busybox tr -d '\r')
  case $line in
    [Cc]ontent-[Ll]ength:*) length=${line##*: } ;;
    '') break ;;
  esac
done
body=$(/bin/busybox head -c "$length")
case $path in
  /init) printf 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}' ;;
  /run)
    echo "ran with ${#body} bytes" >&2
    reply="{\"length\": ${#body}}"
    printf 'HTTP/1.1 200 OK\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s' "${#reply}" "$reply" ;;
esac
"""


def archive(path, files):
    """A root file system with busybox and these files."""
    busybox = shutil.which("busybox")
    with tarfile.open(path, "w:gz") as tar:
        for folder in ("bin", "www", "tmp"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        tar.add(busybox, "bin/busybox")
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), 0o755
            tar.addfile(entry, io.BytesIO(text.encode()))


def main():
    checks = {}
    with tempfile.TemporaryDirectory(prefix="wisp-images-") as home:
        server = Server(home)
        server.start("--dev")
        environment = {"PATH": os.environ["PATH"], "HOME": home}

        def run(*words):
            base = [WISP, "--apihost", f"http://127.0.0.1:{server.port}", "--auth", KEY]
            done = subprocess.run([*base, *words], env=environment, capture_output=True, text=True, timeout=120)
            return done.returncode, done.stdout + done.stderr

        def local(*words):
            return run(*words, "--data", str(server.data))

        def get(path):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            connection.request("GET", "/api/v1/web/guest/default/" + path)
            response = connection.getresponse()
            return response.status, response.getheader("content-type"), response.read().decode()

        site = str(Path(home) / "site.tar.gz")
        archive(site, {"www/index.html": "<h1>It is here</h1>", "www/deep.txt": "deep"})
        code, output = local("image", "import", site, "--name", "site", "--command",
                             '["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]')
        checks[f"a root file system is imported: {output}"] = code == 0 and "imported image site" in output
        code, output = run("action", "create", "site", "--docker", "site", "--web", "raw", "-a", "protocol", "http")
        checks[f"an action names it: {output}"] = code == 0
        seen = get("site.http/index.html")
        checks[f"a browser sees what the image serves: {seen}"] = seen[0] == 200 and seen[2] == "<h1>It is here</h1>" and "html" in seen[1]
        seen = get("site.http/deep.txt")
        checks[f"by its path: {seen}"] = seen[0] == 200 and seen[2] == "deep"
        seen = get("site.http/nowhere")
        checks[f"and what it refuses is refused: {seen}"] = seen[0] == 404

        runtime = str(Path(home) / "runtime.tar.gz")
        archive(runtime, {"bin/serve": RUNTIME})
        code, output = local("image", "import", runtime, "--name", "shell/runtime:1", "--command",
                             '["/bin/busybox", "nc", "-ll", "-p", "8080", "-e", "/bin/serve"]')
        checks[f"so is a runtime: {output}"] = code == 0
        code, output = run("action", "create", "count", "--docker", "shell/runtime:1")
        record = server.invoke("count", {"a": 1})
        checks[f"it speaks OpenWhisk's protocol: {record}"] = record["response"]["result"].get("length", 0) > 10
        logs = server.call("GET", f"/activations/{record['activationId']}/logs")[1].get("logs", [])
        checks[f"what it writes is the activation's log: {logs}"] = any("ran with" in line for line in logs)

        server.kill()
        server.start("--dev")
        seen = get("site.http/deep.txt")
        checks[f"images are there after a kill: {seen}"] = seen[0] == 200
        code, output = local("image", "list")
        checks[f"and listed: {output}"] = "site" in output and "shell/runtime:1" in output
        code, output = local("image", "delete", "site")
        checks[f"one is deleted: {output}"] = code == 0
        code, output = local("image", "show", "site")
        checks[f"and gone: {output}"] = code == 148
        server.stop()
    close("images", checks)


if __name__ == "__main__":
    main()
