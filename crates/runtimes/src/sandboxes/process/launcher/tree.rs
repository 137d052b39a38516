use seccompiler::{BpfProgram, sock_filter};

/// Instructions of the classic packet filter, as `linux/bpf_common.h` encodes them.
const LOAD: u16 = 0x20;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER_OR_EQUAL: u16 = 0x35;
const RETURN: u16 = 0x06;
/// What a filter says of a call, from `linux/seccomp.h`.
const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;
const KILL: u32 = 0x8000_0000;
/// Where a filter finds the call's number and architecture.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// The only architecture whose numbers these are, from `linux/audit.h`.
#[cfg(target_arch = "x86_64")]
const NATIVE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const NATIVE: u32 = 0xc000_00b7;
#[cfg(target_arch = "riscv64")]
const NATIVE: u32 = 0xc000_00f3;

/// A filter that allows the calls of a sorted list, by binary search over its gaps: `absent` fails with `ENOSYS`, all
/// else with `EPERM`.
pub fn compile(allowed: &[i64], absent: i64) -> BpfProgram {
    let mut program = vec![
        instruction(LOAD, 0, 0, ARCHITECTURE),
        instruction(JUMP_EQUAL, 1, 0, NATIVE),
        result(KILL),
        instruction(LOAD, 0, 0, NUMBER),
        instruction(JUMP_EQUAL, 0, 1, absent as u32),
        result(ERRNO | libc::ENOSYS as u32),
    ];
    program.extend(search(&bounds(allowed), false));
    program
}

/// The numbers at which being allowed begins or ends, in turn.
fn bounds(allowed: &[i64]) -> Vec<u32> {
    let mut bounds: Vec<u32> = Vec::new();
    for call in allowed.iter().map(|call| *call as u32) {
        if bounds.last() == Some(&call) {
            bounds.pop();
        } else if bounds.last().is_none_or(|last| *last < call) {
            bounds.push(call);
        } else {
            // Named twice.
            continue;
        }
        bounds.push(call + 1);
    }
    bounds
}

/// Finds out on which side of which bound a number is. `inside` is the answer below the first of them.
fn search(bounds: &[u32], inside: bool) -> BpfProgram {
    let Some(bound) = bounds.get(bounds.len() / 2) else {
        return vec![result(if inside { ALLOW } else { ERRNO | libc::EPERM as u32 })];
    };
    let middle = bounds.len() / 2;
    let below = search(&bounds[..middle], inside);
    let above = search(&bounds[middle + 1..], inside ^ (middle.is_multiple_of(2)));
    // A jump reaches 255 instructions: the lower half of some 250 bounds, of which there are 130.
    let mut program = vec![instruction(JUMP_GREATER_OR_EQUAL, below.len() as u8, 0, *bound)];
    program.extend(below);
    program.extend(above);
    program
}

fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

fn result(value: u32) -> sock_filter {
    instruction(RETURN, 0, 0, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a filter as the kernel does.
    fn verdict(program: &[sock_filter], number: u32, architecture: u32) -> u32 {
        let (mut at, mut value) = (0, 0);
        loop {
            let step = &program[at];
            let jump = |taken: bool| at + 1 + usize::from(if taken { step.jt } else { step.jf });
            at = match step.code {
                LOAD => {
                    value = if step.k == NUMBER { number } else { architecture };
                    at + 1
                }
                JUMP_EQUAL => jump(value == step.k),
                JUMP_GREATER_OR_EQUAL => jump(value >= step.k),
                _ => return step.k,
            };
        }
    }

    #[test]
    fn exactly_the_listed_calls_are_allowed() {
        let mut allowed = super::super::calls::ALLOWED.to_vec();
        allowed.sort_unstable();
        let program = compile(&allowed, libc::SYS_clone3);
        assert!(program.len() < 400, "{}", program.len());
        for number in (0..1000).chain([0x4000_0000, 0x4000_0001, u32::MAX]) {
            let expected = match i64::from(number) {
                libc::SYS_clone3 => ERRNO | libc::ENOSYS as u32,
                call if allowed.contains(&call) => ALLOW,
                _ => ERRNO | libc::EPERM as u32,
            };
            assert_eq!(verdict(&program, number, NATIVE), expected, "{number}");
        }
        assert_eq!(verdict(&program, 0, 0x4000_0003), KILL);
    }

    #[test]
    fn lists_of_every_shape_are_searched_right() {
        for allowed in [
            vec![],
            vec![0],
            vec![5],
            vec![5, 5, 6],
            vec![0, 1, 3, 4, 9],
            vec![1, 3, 5, 7, 9, 11],
        ] {
            let program = compile(&allowed, 100);
            for number in 0..20 {
                assert_eq!(
                    verdict(&program, number, NATIVE) == ALLOW,
                    allowed.contains(&i64::from(number)),
                    "{number}"
                );
            }
        }
    }
}
