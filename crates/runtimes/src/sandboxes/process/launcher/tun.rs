use std::{
    ffi::{c_int, c_ulong},
    fs::File,
    io, mem,
    net::Ipv4Addr,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use super::{
    super::network::{GATEWAY, GUEST, MTU},
    namespaces,
};

/// What the device is called inside.
const NAME: &[u8] = b"eth0";
/// `TUNSETIFF` of `linux/if_tun.h`.
const TUNSETIFF: c_ulong = 0x4004_54ca;

/// Makes a TUN device in the caller's network namespace, with the sandbox's address and a route to everywhere.
/// `socket` is any of that namespace.
pub fn open(socket: impl AsFd) -> io::Result<OwnedFd> {
    // Addresses that the kernel would give itself mean packets that nobody answers.
    let _ = std::fs::write("/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1");
    let tun = File::options().read(true).write(true).open("/dev/net/tun")?;
    let mut request = namespaces::request(NAME);
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as i16;
    ioctl(&tun, TUNSETIFF, &raw mut request)?;
    let set = |what, value: Ipv4Addr| {
        let mut request = namespaces::request(NAME);
        request.ifr_ifru.ifru_addr = address(value);
        ioctl(&socket, what, &raw mut request)
    };
    set(libc::SIOCSIFADDR, GUEST)?;
    set(libc::SIOCSIFNETMASK, Ipv4Addr::new(255, 255, 255, 0))?;
    let mut request = namespaces::request(NAME);
    request.ifr_ifru.ifru_mtu = MTU as c_int;
    ioctl(&socket, libc::SIOCSIFMTU, &raw mut request)?;
    namespaces::raise(&socket, NAME)?;
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut route: libc::rtentry = unsafe { mem::zeroed() };
    route.rt_dst = address(Ipv4Addr::UNSPECIFIED);
    route.rt_genmask = address(Ipv4Addr::UNSPECIFIED);
    route.rt_gateway = address(GATEWAY);
    route.rt_flags = libc::RTF_UP | libc::RTF_GATEWAY;
    ioctl(&socket, libc::SIOCADDRT, &raw mut route)?;
    Ok(tun.into())
}

fn ioctl<T>(descriptor: impl AsFd, request: c_ulong, argument: *mut T) -> io::Result<()> {
    // SAFETY: every caller passes the structure that its request is defined with, and it outlives the call.
    match unsafe { libc::ioctl(descriptor.as_fd().as_raw_fd(), request as _, argument) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn address(address: Ipv4Addr) -> libc::sockaddr {
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as _,
        sin_port: 0,
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(address.octets()),
        },
        sin_zero: [0; 8],
    };
    // SAFETY: both are plain structures of the same size; the family says which one it is.
    unsafe { mem::transmute(address) }
}
