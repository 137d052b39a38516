//! Images as roots: layers below, a private writable layer above, one user who owns it all.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::{fd::OwnedFd, unix::fs::symlink},
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, FileType, Mode};
use tempfile::TempDir;
use wisp_core::ports::{ImageRoot, Sandbox, SandboxSpec};

use super::world::{Left, PATIENCE, directory, run, sandbox, spec};

/// A layer with busybox, and one above it with these files.
struct Layers {
    _kept: [TempDir; 2],
    paths: Vec<PathBuf>,
}

fn layers(files: &[(&str, &str)]) -> Layers {
    let (lower, below) = directory("motd", "from below\n");
    fs::create_dir(below.join("bin")).unwrap();
    fs::create_dir(below.join("etc")).unwrap();
    fs::copy("/bin/busybox", below.join("bin/busybox")).expect("busybox-static is installed");
    symlink("busybox", below.join("bin/sh")).unwrap();
    let (upper, above) = directory("top", "from above\n");
    for (name, text) in files {
        fs::write(above.join(name), text).unwrap();
    }
    Layers {
        _kept: [lower, upper],
        paths: vec![below, above],
    }
}

fn shell(layers: &Layers, user: (u32, u32), script: &str) -> SandboxSpec {
    SandboxSpec {
        environment: vec![("PATH".into(), "/nowhere:/bin".into())],
        directory: "/".into(),
        mounts: Vec::new(),
        image: Some(ImageRoot {
            layers: layers.paths.clone(),
            user: user.0,
            group: user.1,
        }),
        ..spec(&["sh", "-c", script])
    }
}

async fn said(layers: &Layers, script: &str) -> Left {
    run(&sandbox(), &shell(layers, (0, 0), script)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_is_the_image_and_nothing_of_the_host() {
    let layers = layers(&[]);
    let left = said(&layers, "busybox cat /motd /top; busybox ls / | busybox tr '\\n' ' '").await;
    assert_eq!(
        left.stdout, "from below\nfrom above\nbin dev etc motd proc tmp top ",
        "{}",
        left.stderr
    );
    assert_eq!(left.exit.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_belongs_to_the_images_user_whoever_that_is() {
    let layers = layers(&[]);
    for user in [(0, 0), (1000, 1000), (33, 7)] {
        let script = "busybox id -u; busybox id -g; busybox stat -c %u:%g /motd; echo new > /motd; busybox cat /motd";
        let left = run(&sandbox(), &shell(&layers, user, script)).await;
        let (uid, gid) = user;
        assert_eq!(
            left.stdout,
            format!("{uid}\n{gid}\n{uid}:{gid}\nnew\n"),
            "{}",
            left.stderr
        );
    }
    assert_eq!(
        fs::read_to_string(layers.paths[0].join("motd")).unwrap(),
        "from below\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_limited_private_and_gone_afterwards() {
    let layers = layers(&[]);
    let script = "echo x > /left && busybox dd if=/dev/zero of=/big bs=1M count=64; busybox rm /motd; busybox ls /";
    let left = said(&layers, script).await;
    assert!(left.stderr.contains("No space left"), "{}", left.stderr);
    assert!(!left.stdout.contains("motd"), "{}", left.stdout);
    let left = said(&layers, "busybox ls /").await;
    assert!(
        left.stdout.contains("motd") && !left.stdout.contains("left"),
        "{}",
        left.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whiteouts_hide_what_lies_below() {
    let layers = layers(&[]);
    let gone = layers.paths[1].join("motd");
    rustix::fs::mknodat(CWD, &gone, FileType::CharacterDevice, Mode::empty(), 0).unwrap();
    let left = said(&layers, "busybox ls /").await;
    assert!(!left.stdout.contains("motd"), "{}", left.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandboxs_own_files_replace_the_images_links() {
    let (_kept, outside) = directory("victim", "untouched");
    let layers = layers(&[]);
    fs::create_dir(layers.paths[1].join("etc")).unwrap();
    symlink(outside.join("victim"), layers.paths[1].join("etc/hosts")).unwrap();
    let left = said(&layers, "busybox cat /etc/hosts; busybox cat /proc/self/mounts").await;
    assert!(
        left.stdout.starts_with("127.0.0.1 localhost"),
        "{} {}",
        left.stdout,
        left.stderr
    );
    assert!(
        !left.stdout.contains("/var/tmp") && !left.stdout.contains("ext4"),
        "{}",
        left.stdout
    );
    assert_eq!(fs::read_to_string(outside.join("victim")).unwrap(), "untouched");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_whose_proc_or_dev_is_a_link_does_not_start() {
    for name in ["proc", "dev", "tmp", "etc"] {
        let layers = layers(&[]);
        if name == "etc" {
            fs::remove_dir(layers.paths[0].join("etc")).unwrap();
        }
        symlink("/bin", layers.paths[1].join(name)).unwrap();
        let Err(error) = sandbox().start(&shell(&layers, (0, 0), "exit 0")).await else {
            panic!("{name} is a link")
        };
        assert!(error.message().contains(&format!("/{name}")), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_capabilities_no_new_namespaces_and_no_mounts() {
    let layers = layers(&[]);
    let script = "busybox grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; \
                  busybox mount -t tmpfs x /tmp; busybox unshare -U true; busybox mknod /null c 1 3; busybox chroot /bin";
    let left = said(&layers, script).await;
    for line in [
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
    ] {
        assert!(left.stdout.contains(line), "{line}: {}", left.stdout);
    }
    assert_eq!(left.stderr.matches("ermi").count(), 4, "{}", left.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_working_directory_that_is_missing_is_made() {
    let layers = layers(&[]);
    let wanted = SandboxSpec {
        directory: "/srv/app".into(),
        ..shell(&layers, (1000, 1000), "busybox pwd; echo x > here && busybox ls")
    };
    let left = run(&sandbox(), &wanted).await;
    assert_eq!(left.stdout, "/srv/app\nhere\n", "{}", left.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_reaches_a_port_inside_even_a_low_one() {
    let layers = layers(&[]);
    let script = "exec busybox httpd -f -p 127.0.0.1:80 -h /";
    let (cell, channel) = sandbox().start(&shell(&layers, (0, 0), script)).await.unwrap();
    let answer = tokio::task::spawn_blocking({
        let cell: std::sync::Arc<dyn wisp_core::ports::Cell> = cell.into();
        let runtime = tokio::runtime::Handle::current();
        move || {
            let begun = std::time::Instant::now();
            while begun.elapsed() < PATIENCE {
                let socket = runtime.block_on(cell.socket()).unwrap();
                if let Some(answer) = ask(socket) {
                    return answer;
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            panic!("nobody answered")
        }
    });
    let answer = answer.await.unwrap();
    assert!(answer.ends_with("\r\n\r\nfrom below\n"), "{answer}");
    drop(channel);
}

/// What a listener on port 80 says; none while nobody listens.
fn ask(socket: OwnedFd) -> Option<String> {
    rustix::io::ioctl_fionbio(&socket, false).unwrap();
    let address = std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 80);
    rustix::net::connect(&socket, &address).ok()?;
    let mut stream = TcpStream::from(socket);
    stream.write_all(b"GET /motd HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    Some(answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_the_image_lacks_is_an_error_that_says_so() {
    let layers = layers(&[]);
    let wanted = SandboxSpec {
        command: vec!["nonsense".into()],
        ..shell(&layers, (0, 0), "")
    };
    let Err(error) = sandbox().start(&wanted).await else {
        panic!("it started")
    };
    assert!(error.message().contains("execute the program: No such file"), "{error}");
    assert!(Path::new("/bin/busybox").exists());
}
