use std::{collections::BTreeMap, env::consts::ARCH};

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen as Size, SeccompCmpOp as Compare, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

use super::{calls::ALLOWED, tree};

/// Flags of `clone` that make namespaces.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
];
/// The kinds of sockets that programs may make.
const SOCKETS: [i32; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
/// Execution domains that matter to no security check: the present one, Linux', and one without address
/// randomisation.
const PERSONALITIES: [u64; 3] = [0xffff_ffff, 0, 0x0004_0000];

/// The system calls of a sandbox: those that programs need, compiled once. All others fail with `EPERM`; `clone3`
/// with `ENOSYS`, for its flags are out of a filter's sight and libraries then fall back to `clone`.
///
/// Which calls may be made is one search tree, because installing a filter costs by its length; what they may be
/// called with is a second, short filter.
pub struct Filter {
    programs: [BpfProgram; 2],
    /// Takes the place of the first in a zygote.
    zygote: BpfProgram,
}

/// Calls that a zygote may make beside the others, so that its children can take their places.
pub const PLACING: [i64; 2] = [libc::SYS_setns, libc::SYS_capset];

impl Filter {
    /// Compiles the filter for this machine.
    pub fn compile() -> Result<Self, BackendError> {
        let target = TargetArch::try_from(ARCH)?;
        let denied = SeccompAction::Errno(libc::EPERM as u32);
        let arguments = SeccompFilter::new(refused()?, SeccompAction::Allow, denied, target)?;
        let conditional = [
            libc::SYS_clone,
            libc::SYS_socket,
            libc::SYS_personality,
            libc::SYS_ioctl,
        ];
        let mut allowed = [ALLOWED, &conditional].concat();
        allowed.sort_unstable();
        let programs = [tree::compile(&allowed, libc::SYS_clone3), arguments.try_into()?];
        allowed.extend(PLACING);
        allowed.sort_unstable();
        let zygote = tree::compile(&allowed, libc::SYS_clone3);
        Ok(Self { programs, zygote })
    }

    /// Binds the caller and all its descendants, for ever.
    pub fn apply(&self) -> std::io::Result<()> {
        self.programs.iter().try_for_each(apply)
    }

    /// Binds the caller as a zygote; its children have to forbid themselves the rest.
    pub fn apply_to_zygote(&self) -> std::io::Result<()> {
        [&self.zygote, &self.programs[1]].into_iter().try_for_each(apply)
    }
}

fn apply(program: &BpfProgram) -> std::io::Result<()> {
    apply_filter(program).map_err(std::io::Error::other)
}

/// Calls that are refused with certain arguments: any rule of several, all conditions of a rule.
fn refused() -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let when = |argument, compare, value| SeccompCondition::new(argument, Size::Dword, compare, value);
    let none_of = |argument, values: &[u64]| {
        let conditions = values.iter().map(|value| when(argument, Compare::Ne, *value));
        SeccompRule::new(conditions.collect::<Result<_, _>>()?)
    };
    let mut namespaces = Vec::new();
    for flag in NAMESPACES.map(|flag| u64::from(flag as u32)) {
        namespaces.push(SeccompRule::new(vec![when(0, Compare::MaskedEq(flag), flag)?])?);
    }
    let netlink = vec![
        when(0, Compare::Eq, libc::AF_NETLINK as u64)?,
        when(2, Compare::Ne, libc::NETLINK_ROUTE as u64)?,
    ];
    let sockets = vec![
        none_of(0, &SOCKETS.map(|family| family as u64))?,
        SeccompRule::new(netlink)?,
    ];
    // Typing into somebody else's terminal.
    let typing = SeccompRule::new(vec![when(1, Compare::Eq, libc::TIOCSTI)?])?;
    Ok(BTreeMap::from([
        (libc::SYS_clone, namespaces),
        (libc::SYS_socket, sockets),
        (libc::SYS_personality, vec![none_of(0, &PERSONALITIES)?]),
        (libc::SYS_ioctl, vec![typing]),
    ]))
}
