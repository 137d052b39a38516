use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recv, recvmsg, sendmsg, socketpair,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::unix::AsyncFd;

/// Most descriptors that one message carries.
const DESCRIPTORS: usize = 16;

/// One end of a socket that carries whole messages, with descriptors.
#[derive(Debug)]
pub struct Link(OwnedFd);

impl Link {
    /// Both ends of a new one.
    pub fn pair() -> io::Result<(Link, Link)> {
        let (a, b) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Link(a), Link(b)))
    }

    /// Sends a message. It arrives whole or not at all.
    pub fn send<T: Serialize>(&self, message: &T, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let bytes = serde_json::to_vec(message)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::other("too many descriptors in one message"));
        }
        sendmsg(&self.0, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Receives a message; none when the other end is closed.
    pub fn recv<T: DeserializeOwned>(&self) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
        let Some(length) = self.peek(&mut [])? else {
            return Ok(None);
        };
        let mut bytes = vec![0; length];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        recvmsg(
            &self.0,
            &mut [IoSliceMut::new(&mut bytes)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        )?;
        let mut descriptors = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        Ok(Some((serde_json::from_slice(&bytes)?, descriptors)))
    }

    /// Looks at the next message without taking it; returns its length, none when the other end is closed.
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let (_, length) = recv(&self.0, buffer, RecvFlags::PEEK | RecvFlags::TRUNC)?;
        Ok((length > 0).then_some(length))
    }

    /// Tells the other end that nothing more comes.
    pub fn finish(&self) {
        // Fails only when the other end is gone, which is what it asks for.
        let _ = rustix::net::shutdown(&self.0, rustix::net::Shutdown::Write);
    }

    /// This end for the async runtime.
    pub fn watch(self) -> io::Result<AsyncFd<Self>> {
        rustix::io::ioctl_fionbio(&self.0, true)?;
        // SAFETY: a link owns its descriptor, and it stays the same until the link is dropped.
        Ok(unsafe { AsyncFd::register(self) }?)
    }
}

impl From<OwnedFd> for Link {
    fn from(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }
}

impl From<Link> for OwnedFd {
    fn from(link: Link) -> Self {
        link.0
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Link {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
