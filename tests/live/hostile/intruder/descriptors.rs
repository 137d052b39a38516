//! A core module that tries WASI's first interface on every descriptor there might be, by numbers that nobody gave it.

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn fd_prestat_get(fd: i32, to: *mut [u32; 2]) -> i32;
    fn fd_read(fd: i32, to: *const [u32; 2], count: i32, read: *mut u32) -> i32;
    fn fd_write(fd: i32, from: *const [u32; 2], count: i32, written: *mut u32) -> i32;
    fn fd_renumber(from: i32, to: i32) -> i32;
    fn path_open(
        fd: i32,
        follow: i32,
        path: *const u8,
        length: i32,
        how: i32,
        rights: i64,
        more: i64,
        flags: i32,
        to: *mut u32,
    ) -> i32;
    fn sock_accept(fd: i32, flags: i32, to: *mut u32) -> i32;
    fn proc_raise(signal: i32) -> i32;
}

fn main() {
    let mut got = Vec::new();
    let forged = b"\x15\0\0\0\x03\0\0\0\0\0\0\0\0{\"forged\":1}";
    let mut room = [0_u8; 64];
    for fd in (3..2000).chain([-1, i32::MAX]) {
        let (mut pair, mut count) = ([0; 2], 0);
        let from = [forged.as_ptr() as u32, forged.len() as u32];
        let to = [room.as_mut_ptr() as u32, room.len() as u32];
        // SAFETY: every pointer leads to memory of this module that outlives the call.
        let results = unsafe {
            [
                ("preopened", fd_prestat_get(fd, &mut pair)),
                ("written", fd_write(fd, &from, 1, &mut count)),
                ("read", fd_read(fd, &to, 1, &mut count)),
                ("renumbered", fd_renumber(fd, 1)),
                (
                    "opened",
                    path_open(fd, 1, c"/etc/passwd".as_ptr().cast(), 11, 0, 2, 2, 0, &mut count),
                ),
                ("accepted", sock_accept(fd, 0, &mut count)),
            ]
        };
        got.extend(
            results
                .iter()
                .filter(|(_, error)| *error == 0)
                .map(|(what, _)| format!("\"{what} {fd}\"")),
        );
    }
    // SAFETY: as above: no pointers at all.
    if unsafe { proc_raise(9) } == 0 {
        got.push("\"raised\"".into());
    }
    println!("{{\"got\":[{}]}}", got.join(","));
}
