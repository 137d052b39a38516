use super::world::{python, root, run, sandbox, shell};

#[tokio::test(flavor = "multi_thread")]
async fn scratch_is_bounded() {
    let left = run(
        &sandbox(),
        &shell("dd if=/dev/zero of=/tmp/big bs=1M count=20 2>&1; stat -c %s /tmp/big"),
    )
    .await;
    assert!(left.stdout.contains("No space left on device"), "{}", left.stdout);
    assert!(left.stdout.ends_with("16777216\n"), "{}", left.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_wants_too_much_memory_is_ended_and_the_report_says_why() {
    if !root() {
        return;
    }
    let sandbox = sandbox();
    let left = run(
        &sandbox,
        &python("x = []\nwhile len(x) < 400: x.append(b'x' * (1 << 20))\nprint('survived')"),
    )
    .await;
    assert_eq!(
        (left.stdout.as_str(), left.exit.code, left.exit.out_of_memory),
        ("", 137, true),
        "{}",
        left.stderr
    );
    let left = run(
        &sandbox,
        &python("x = [b'x' * (1 << 20) for _ in range(60)]; print('survived')"),
    )
    .await;
    assert_eq!(
        (left.stdout.as_str(), left.exit.out_of_memory),
        ("survived\n", false),
        "{}",
        left.stderr
    );
    // Files in scratch are memory too.
    let mut wanted = shell("dd if=/dev/zero of=/tmp/big bs=1M count=300; echo survived");
    wanted.scratch = 512;
    let left = run(&sandbox, &wanted).await;
    assert!(left.exit.out_of_memory, "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_can_be_changed_before_user_code_runs() {
    use wisp_core::ports::Sandbox;
    if !root() {
        return;
    }
    let sandbox = sandbox();
    let script = "import os\nos.read(3, 1)\nx = [b'x' * (1 << 20) for _ in range(200)]\nprint('survived')";
    for (megabytes, survives) in [(512, true), (64, false)] {
        let (cell, channel) = sandbox.start(&python(script)).await.unwrap();
        cell.set_memory(megabytes).await.unwrap();
        rustix::io::write(&channel.control, b"x").unwrap();
        let left = super::world::finish(cell, channel).await;
        assert_eq!(
            (left.stdout.contains("survived"), left.exit.out_of_memory),
            (survives, !survives),
            "{left:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_are_bounded() {
    let script = "
import os
made = 0
for _ in range(200):
    try:
        if os.fork() == 0:
            import time; time.sleep(100)
        made += 1
    except BlockingIOError: break
print(made, flush=True)
os._exit(0)";
    let left = run(&sandbox(), &python(script)).await;
    assert_eq!(left.stdout, "63\n", "{}", left.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn open_files_are_bounded() {
    let script = "
import os
opened = 0
try:
    while opened < 1000: os.open('/dev/null', os.O_RDONLY); opened += 1
except OSError as error: print(error.errno, opened)";
    assert_eq!(run(&sandbox(), &python(script)).await.stdout, "24 252\n");
}
