use std::{
    io::{self, ErrorKind, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use tokio::io::{Interest, unix::AsyncFd};

use super::passing;

/// Our end of the socket to a launcher.
///
/// Only reading is registered with the reactor: a stream registered for both wakes a thread whenever the launcher has
/// taken a request out of it, which is once for each run. Whoever finds it full registers for the time of the wait.
pub struct Socket(AsyncFd<UnixStream>);

impl Socket {
    /// Takes a connected stream socket. Fails if it cannot be registered.
    pub fn new(descriptor: OwnedFd) -> io::Result<Self> {
        let stream = UnixStream::from(descriptor);
        stream.set_nonblocking(true)?;
        registered(stream, Interest::READABLE).map(Self)
    }

    /// Waits for bytes; 0 when the other end is closed. Loses nothing when it is dropped.
    pub async fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.0.readable().await?;
            let Ok(read) = ready.try_io(|stream| stream.get_ref().read(bytes)) else {
                continue;
            };
            // Less than there is room for was all there was: a further read, which would only say so, is saved.
            if matches!(read, Ok(count) if count < bytes.len()) {
                ready.clear_ready();
            }
            return read;
        }
    }

    /// Writes all of it.
    pub async fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = self.write(|mut stream| stream.write(rest)).await?;
            rest = &rest[count..];
        }
        Ok(())
    }

    /// Writes all of it; a descriptor comes along with the first byte.
    pub async fn write_with(&self, bytes: &[u8], descriptor: BorrowedFd<'_>) -> io::Result<()> {
        let count = self.write(|stream| passing::send(stream, bytes, &[descriptor])).await?;
        self.write_all(&bytes[count..]).await
    }

    async fn write(&self, mut write: impl FnMut(&UnixStream) -> io::Result<usize>) -> io::Result<usize> {
        match write(self.0.get_ref()) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let twin = registered(self.0.get_ref().try_clone()?, Interest::WRITABLE)?;
                twin.async_io(Interest::WRITABLE, |stream| write(stream)).await
            }
            written => written,
        }
    }
}

fn registered(stream: UnixStream, interest: Interest) -> io::Result<AsyncFd<UnixStream>> {
    // SAFETY: a stream names the one descriptor that it owns, until it is dropped.
    Ok(unsafe { AsyncFd::register_with_interest(stream, interest) }?)
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn pair() -> (Socket, tokio::net::UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        let theirs = tokio::net::UnixStream::from_std(theirs).unwrap();
        (Socket::new(ours.into()).unwrap(), theirs)
    }

    #[tokio::test]
    async fn what_does_not_fit_waits_until_it_is_read() {
        let (ours, mut theirs) = pair();
        let sent: Vec<u8> = (0..4 << 20).map(|at: u32| at.to_le_bytes()[1]).collect();
        let mut got = vec![0; sent.len()];
        let (written, read) = tokio::join!(ours.write_all(&sent), theirs.read_exact(&mut got));
        written.unwrap();
        read.unwrap();
        assert!(sent == got);
    }

    #[tokio::test]
    async fn reads_come_in_turn_and_the_end_is_seen_after_them() {
        let (ours, mut theirs) = pair();
        let mut bytes = [0; 8];
        for turn in 0..100_u8 {
            theirs.write_all(&[turn; 3]).await.unwrap();
            assert_eq!(ours.read(&mut bytes).await.unwrap(), 3);
            assert_eq!(bytes[0], turn);
        }
        theirs.write_all(&[7; 12]).await.unwrap();
        drop(theirs);
        assert_eq!(ours.read(&mut bytes).await.unwrap(), 8);
        assert_eq!(ours.read(&mut bytes).await.unwrap(), 4);
        assert_eq!(ours.read(&mut bytes).await.unwrap(), 0);
    }
}
