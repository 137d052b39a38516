use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
};

use wisp_core::ports::{Exit, Sandbox};

use super::world::{directory, finish, run, sandbox, shell, spec};

#[tokio::test(flavor = "multi_thread")]
async fn a_program_runs_and_its_exit_is_reported() {
    let sandbox = sandbox();
    let left = run(&sandbox, &shell("echo out; echo err >&2; exit 7")).await;
    assert_eq!((left.stdout.as_str(), left.stderr.as_str()), ("out\n", "err\n"));
    assert_eq!(
        left.exit,
        Exit {
            code: 7,
            out_of_memory: false
        }
    );
    let left = run(&sandbox, &shell("kill -TERM $$")).await;
    assert_eq!(
        left.exit,
        Exit {
            code: 128 + 15,
            out_of_memory: false
        }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_has_the_control_socket_its_environment_and_directory() {
    let sandbox = sandbox();
    let mut wanted = shell("read line <&3; echo \"$line $GREETING $(pwd)\" >&3");
    wanted.environment.push(("GREETING".into(), "hello".into()));
    let (cell, channel) = sandbox.start(&wanted).await.unwrap();
    let mut control = UnixStream::from(channel.control.try_clone().unwrap());
    control.write_all(b"question\n").unwrap();
    let left = finish(cell, channel).await;
    let mut answer = String::new();
    control.read_to_string(&mut answer).unwrap();
    assert_eq!(
        (answer.as_str(), left.exit.code),
        ("question hello /tmp\n", 0),
        "{}",
        left.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_cannot_be_executed_is_an_error_that_says_so() {
    let Err(error) = sandbox().start(&spec(&["/no/such/program"])).await else {
        panic!("it started")
    };
    assert!(error.message().contains("execute the program: No such file"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mounted_directory_is_visible_and_read_only() {
    let sandbox = sandbox();
    let (_kept, path) = directory("code.txt", "the code");
    let script = "read go <&3; cat /action/code.txt; echo x > /action/new || echo refused; id -u";
    let (cell, channel) = sandbox.start(&shell(script)).await.unwrap();
    cell.mount(&path, Path::new("/action")).await.unwrap();
    UnixStream::from(channel.control.try_clone().unwrap())
        .write_all(b"go\n")
        .unwrap();
    let left = finish(cell, channel).await;
    assert_eq!(left.stdout, "the coderefused\n1000\n", "{}", left.stderr);
    assert!(left.stderr.contains("Read-only file system"), "{}", left.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_ends_every_process_even_those_that_ran_away() {
    let sandbox = sandbox();
    let script = "(setsid sh -c 'exec sleep 1000' &) ; (setsid sleep 1000 &) & echo ready; exec sleep 1000";
    let (cell, channel) = sandbox.start(&shell(script)).await.unwrap();
    let mut ready = [0; 6];
    std::fs::File::from(channel.stdout.try_clone().unwrap())
        .read_exact(&mut ready)
        .unwrap();
    cell.stop().await;
    cell.stop().await;
    assert_eq!(cell.wait().await.code, 128 + 9);
    // Every process held the pipe; when it reads to its end, none is left.
    let left = finish(cell, channel).await;
    assert_eq!(left.stdout, "");
}
