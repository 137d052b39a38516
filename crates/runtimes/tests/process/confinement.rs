use std::io::{Read, Write};

use wisp_core::ports::Sandbox;

use super::world::{python, root, run, sandbox, shell};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_host_is_visible_but_what_is_mounted() {
    let sandbox = sandbox();
    let left = run(
        &sandbox,
        &shell("ls -A /; echo; ls -A /dev /action /tmp; hostname; cat /etc/shadow /proc/1/environ"),
    )
    .await;
    let (top, rest) = left.stdout.split_once("\n\n").unwrap();
    let known = [
        "action",
        "bin",
        "compiled",
        "dev",
        "etc",
        "lib",
        "lib32",
        "lib64",
        "proc",
        "requirements",
        "sbin",
        "tmp",
        "usr",
    ];
    assert!(top.lines().all(|name| known.contains(&name)), "{top}");
    let devices = "fd\nfull\nnull\nrandom\nshm\nstderr\nstdin\nstdout\nurandom\nzero\n";
    assert_eq!(
        rest,
        format!("/action:\n\n/dev:\n{devices}\n/tmp:\nsandbox\n"),
        "{}",
        left.stderr
    );
    assert!(left.stderr.contains("/etc/shadow: No such file"), "{}", left.stderr);
    assert!(
        left.stderr.contains("/proc/1/environ: Permission denied"),
        "{}",
        left.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_can_be_written_but_scratch() {
    let script =
        "for at in / /etc /usr /dev /action /proc /tmp /dev/shm; do touch $at/new 2>/dev/null && echo $at; done";
    assert_eq!(run(&sandbox(), &shell(script)).await.stdout, "/tmp\n/dev/shm\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_descriptor_leaks_into_the_program() {
    let script = "
import os
for name in sorted(os.listdir('/proc/self/fd'), key=int):
    try: print(name, os.readlink('/proc/self/fd/' + name).split(':')[0])
    except OSError: pass";
    let left = run(&sandbox(), &python(script)).await;
    assert_eq!(
        left.stdout, "0 /dev/null\n1 pipe\n2 pipe\n3 socket\n",
        "{}",
        left.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_has_no_privileges_and_cannot_gain_any() {
    let left = run(
        &sandbox(),
        &shell("cat /proc/self/status; cat /proc/self/uid_map; echo Oom: $(cat /proc/self/oom_score_adj)"),
    )
    .await;
    let field = |name: &str| {
        let line = left
            .stdout
            .lines()
            .map(str::trim)
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("{name}"));
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    assert_eq!((field("NoNewPrivs:"), field("Seccomp:")), ("1".into(), "2".into()));
    assert_eq!(field("Uid:"), "1000 1000 1000 1000");
    assert_eq!(field("Gid:"), "1000 1000 1000 1000");
    assert_eq!(field("Oom:"), "500");
    if root() {
        assert_eq!(field("Groups:"), "");
        let outside: u32 = field("1000").split(' ').next().unwrap().parse().unwrap();
        assert!((200_000..265_536).contains(&outside), "{outside}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn system_calls_that_programs_do_not_need_are_refused() {
    let script = "
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
calls = dict(mount=165, umount2=166, ptrace=101, bpf=321, keyctl=250, io_uring_setup=425, userfaultfd=323,
             perf_event_open=298, kexec_load=246, init_module=175, unshare=272, setns=308, open_by_handle_at=304,
             pivot_root=155, chroot=161, process_vm_readv=310, settimeofday=164, clone3=435, open_tree=428)
for name, number in calls.items():
    libc.syscall(number, 0, 0, 0, 0, 0)
    print(name, errno.errorcode.get(ctypes.get_errno(), 'allowed'))
    ctypes.set_errno(0)
for name, flag in dict(user=0x10000000, mount=0x20000, net=0x40000000, pid=0x20000000).items():
    pid = libc.syscall(56, flag | 17, 0, 0, 0, 0)
    if pid == 0: libc._exit(0)
    print('clone', name, errno.errorcode.get(ctypes.get_errno(), 'allowed'))
    ctypes.set_errno(0)
import socket
for family in (socket.AF_PACKET, socket.AF_VSOCK, 38):
    try: socket.socket(family, socket.SOCK_RAW); print('socket', family, 'allowed')
    except OSError as error: print('socket', family, errno.errorcode[error.errno])
";
    let left = run(&sandbox(), &python(script)).await;
    assert_eq!(left.stdout.lines().count(), 26, "{} {}", left.stdout, left.stderr);
    for line in left.stdout.lines() {
        let expected = if line.starts_with("clone3") { "ENOSYS" } else { "EPERM" };
        assert!(line.ends_with(expected), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sandboxes_do_not_see_each_other() {
    let sandbox = sandbox();
    let (first, first_channel) = sandbox.start(&shell("echo up; exec sleep 1000")).await.unwrap();
    std::fs::File::from(first_channel.stdout)
        .read_exact(&mut [0; 3])
        .unwrap();
    let left = run(
        &sandbox,
        &shell("echo x > /tmp/mine; for p in /proc/[0-9]*; do cat $p/comm; done; kill -9 -1; true"),
    )
    .await;
    assert!(!left.stdout.contains("sleep"), "{}", left.stdout);
    assert!(left.stdout.lines().count() <= 3, "{}", left.stdout);
    let (second, channel) = sandbox.start(&shell("read go <&3; ls /tmp; echo end")).await.unwrap();
    std::os::unix::net::UnixStream::from(channel.control)
        .write_all(b"go\n")
        .unwrap();
    assert_eq!(super::world::drain(channel.stdout).await, "end\n");
    second.stop().await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ordinary_programs_work() {
    let sandbox = sandbox();
    let script = "
import threading, subprocess, tempfile, multiprocessing, socket, os, pwd, ssl, asyncio, mmap
threads = [threading.Thread(target=lambda: None) for _ in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
subprocess.run(['true'], check=True)
with tempfile.NamedTemporaryFile() as f: f.write(b'x')
lock = multiprocessing.Lock()
a, b = socket.socketpair()
server = socket.create_server(('127.0.0.1', 0)); socket.create_connection(server.getsockname())
assert pwd.getpwuid(os.getuid()).pw_name == 'user'
assert socket.gethostbyname('localhost') == '127.0.0.1'
asyncio.run(asyncio.sleep(0))
assert ssl.create_default_context().cert_store_stats()['x509_ca'] > 0
print('fine')";
    let mut wanted = super::world::spec(&["/usr/bin/python3", "-E", "-c", script]);
    wanted.memory = 256;
    let left = run(&sandbox, &wanted).await;
    assert_eq!(left.stdout, "fine\n", "{}", left.stderr);
    if std::path::Path::new("/usr/bin/node").exists() {
        let mut wanted = super::world::spec(&[
            "/usr/bin/node",
            "-e",
            "setTimeout(() => console.log(process.version), 1)",
        ]);
        wanted.memory = 256;
        let left = run(&sandbox, &wanted).await;
        assert!(left.stdout.starts_with('v') && left.exit.code == 0, "{left:?}");
    }
}
