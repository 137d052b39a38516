use std::{collections::BTreeMap, env::consts::ARCH};

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen as Size, SeccompCmpOp as Compare, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

/// Flags of `clone` that make namespaces.
const NAMESPACES: u64 = (libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWUTS) as u64;
/// Execution domains that exist for compatibility only, and matter to no security check.
const PERSONALITIES: [u64; 4] = [0, 0xffff_ffff, 0x0020_0000, 0x0004_0000];

/// The system calls of a sandbox: those that programs need, compiled once. All others fail with `EPERM`; `clone3`
/// with `ENOSYS`, for its flags are out of a filter's sight and libraries then fall back to `clone`.
pub struct Filter([BpfProgram; 2]);

impl Filter {
    /// Compiles the filter for this machine.
    pub fn compile() -> Result<Self, BackendError> {
        let target = TargetArch::try_from(ARCH)?;
        let deny = |errno: i32| SeccompAction::Errno(errno as u32);
        let allowed = SeccompFilter::new(rules()?, deny(libc::EPERM), SeccompAction::Allow, target)?;
        let absent = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        let absent = SeccompFilter::new(absent, SeccompAction::Allow, deny(libc::ENOSYS), target)?;
        Ok(Self([absent.try_into()?, allowed.try_into()?]))
    }

    /// Binds the caller and all its descendants, for ever.
    pub fn apply(&self) -> std::io::Result<()> {
        self.0
            .iter()
            .try_for_each(|program| apply_filter(program).map_err(std::io::Error::other))
    }
}

fn rules() -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let mut rules: BTreeMap<_, _> = super::calls::ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let when = |argument, size, compare, value| SeccompCondition::new(argument, size, compare, value);
    let equal = |argument, value| when(argument, Size::Dword, Compare::Eq, value);
    let plain = when(0, Size::Qword, Compare::MaskedEq(NAMESPACES), 0)?;
    rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![plain])?]);
    let mut sockets = vec![SeccompRule::new(vec![
        equal(0, libc::AF_NETLINK as u64)?,
        equal(2, libc::NETLINK_ROUTE as u64)?,
    ])?];
    for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6] {
        sockets.push(SeccompRule::new(vec![equal(0, family as u64)?])?);
    }
    rules.insert(libc::SYS_socket, sockets);
    let personalities = PERSONALITIES
        .iter()
        .map(|value| SeccompRule::new(vec![equal(0, *value)?]));
    rules.insert(libc::SYS_personality, personalities.collect::<Result<_, _>>()?);
    // Typing into a terminal of someone else.
    let harmless = when(1, Size::Dword, Compare::Ne, libc::TIOCSTI)?;
    rules.insert(libc::SYS_ioctl, vec![SeccompRule::new(vec![harmless])?]);
    Ok(rules)
}
