use std::net::{Ipv4Addr, SocketAddrV4};

use smoltcp::{
    phy::ChecksumCapabilities,
    wire::{IpProtocol, Ipv4Packet, Ipv4Repr, TcpPacket, UdpPacket, UdpRepr},
};

/// Which conversation a packet belongs to: the sandbox's port, and where it leads.
pub type Key = (u16, SocketAddrV4);

/// What a packet from a sandbox is.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// The first of a TCP connection.
    Syn(Key),
    /// Another of TCP.
    Tcp,
    /// A datagram.
    Udp(Key, &'a [u8]),
}

/// Reads a packet; none if it is nothing that is relayed.
pub fn read(bytes: &[u8]) -> Option<Kind<'_>> {
    let ip = Ipv4Packet::new_checked(bytes).ok()?;
    if ip.frag_offset() != 0 || ip.more_frags() {
        return None;
    }
    let to = |port| SocketAddrV4::new(ip.dst_addr(), port);
    match ip.next_header() {
        IpProtocol::Tcp => {
            let tcp = TcpPacket::new_checked(ip.payload()).ok()?;
            let first = tcp.syn() && !tcp.ack();
            Some(if first {
                Kind::Syn((tcp.src_port(), to(tcp.dst_port())))
            } else {
                Kind::Tcp
            })
        }
        IpProtocol::Udp => {
            // A payload outlives the views through which it was found.
            let header = usize::from(ip.header_len());
            let payload = bytes.get(header..usize::from(ip.total_len()))?;
            let udp = UdpPacket::new_checked(payload).ok()?;
            Some(Kind::Udp(
                (udp.src_port(), to(udp.dst_port())),
                UdpPacket::new_checked(payload).ok()?.payload(),
            ))
        }
        _ => None,
    }
}

/// A datagram to the sandbox, as a packet.
pub fn datagram(from: SocketAddrV4, to: (Ipv4Addr, u16), payload: &[u8]) -> Vec<u8> {
    let checksums = ChecksumCapabilities::default();
    let udp = UdpRepr {
        src_port: from.port(),
        dst_port: to.1,
    };
    let ip = Ipv4Repr {
        src_addr: *from.ip(),
        dst_addr: to.0,
        next_header: IpProtocol::Udp,
        payload_len: udp.header_len() + payload.len(),
        hop_limit: 64,
    };
    let mut bytes = vec![0; ip.buffer_len() + ip.payload_len];
    let mut packet = Ipv4Packet::new_unchecked(&mut bytes);
    ip.emit(&mut packet, &checksums);
    let (source, target) = (ip.src_addr.into(), ip.dst_addr.into());
    let fill = |place: &mut [u8]| place.copy_from_slice(payload);
    udp.emit(
        &mut UdpPacket::new_unchecked(packet.payload_mut()),
        &source,
        &target,
        payload.len(),
        fill,
        &checksums,
    );
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_read_as_it_was_written() {
        let bytes = datagram(
            "192.0.2.1:53".parse().unwrap(),
            (Ipv4Addr::new(10, 0, 2, 100), 4000),
            b"answer",
        );
        assert_eq!(
            read(&bytes),
            Some(Kind::Udp((53, "10.0.2.100:4000".parse().unwrap()), b"answer"))
        );
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]), None, "cut to {length}");
        }
    }
}
