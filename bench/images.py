"""Starts of container images, beside `crun run` of the same files."""

import ctypes
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from bench import CLEAN, WISP, head, row, serving, timed


def bundle(directory):
    """A root file system with nothing but busybox, as a bundle of which `crun` runs `true`."""
    root = Path(directory, "rootfs")
    for folder in ("bin", "dev", "proc", "sys", "tmp", "www"):
        (root / folder).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), root / "bin")
    (root / "www" / "index.html").write_text("{}")
    subprocess.run(["crun", "spec"], cwd=directory, check=True)
    config = Path(directory, "config.json")
    spec = json.loads(config.read_text())
    spec["process"].update(args=["/bin/busybox", "true"], terminal=False)
    config.write_text(json.dumps(spec))
    return root


class Plain:
    """A mount namespace without the unified hierarchy, for `crun` refuses machines that have it beside the first version's.
    Entering it costs one system call."""

    def __enter__(self):
        hide = "mount --make-rprivate / && { umount /sys/fs/cgroup/unified 2>/dev/null || true; } && echo && exec sleep infinity"
        self.holder = subprocess.Popen(["unshare", "--mount", "sh", "-c", hide], stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        space = os.open(f"/proc/{self.holder.pid}/ns/mnt", os.O_RDONLY)
        libc = ctypes.CDLL(None)
        return lambda: libc.setns(space, 0)

    def __exit__(self, *_):
        self.holder.kill()
        self.holder.wait()


def images():
    if not (shutil.which("crun") and shutil.which("busybox")):
        print("SKIPPED: images need crun and busybox (Debian's crun, busybox-static)", flush=True)
        return
    head("Container images, layers present: first invocation of a new action, request to reply, beside `crun run` of `true`")
    runs = int(os.environ.get("BENCH_COLD_RUNS", "50"))
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as directory, serving() as server, Plain() as plain:
        root = bundle(directory)
        archive = shutil.make_archive(str(Path(directory, "image")), "tar", root)
        served = json.dumps(["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"])
        words = ["image", "import", archive, "--name", "bench", "--command", served, "--data", server.directory]
        subprocess.run([WISP, *words], env={**CLEAN, "HOME": directory}, check=True, stdout=subprocess.DEVNULL)
        for index in range(-2, runs):
            action = {
                "exec": {"kind": "blackbox", "image": "bench"},
                "annotations": [{"key": "protocol", "value": "http"}, {"key": "web-export", "value": True}, {"key": "raw-http", "value": True}],
            }
            server.call("PUT", f"/actions/image-{index + 2}?overwrite=true", action)
            time.sleep(0.25)
            begun = time.perf_counter()
            server.ask("GET", f"/api/v1/web/guest/default/image-{index + 2}.http/index.html")
            took = (time.perf_counter() - begun) * 1000
            peer = timed(["crun", "run", "--bundle", directory, f"bench-{os.getpid()}-{index + 2}"], preexec_fn=plain)
            if index >= 0:
                ours.append(took)
                theirs.append(peer)
    for name, at in (("p50", 49), ("p99", 98)):
        us, them = (statistics.quantiles(times, n=100)[at] for times in (ours, theirs))
        row(f"container image, {name} ms", f"{us:.1f}", f"{them:.1f}", f"{us / them:.2f}", "<= 1.0" if at == 49 else "")
