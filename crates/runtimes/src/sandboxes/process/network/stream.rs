use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use smoltcp::{
    iface::SocketHandle,
    socket::tcp::{RecvError, Socket, State},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{packet::Key, stack::Stack};

/// A sandbox's TCP connection, as its other end sees it. Dropped before both directions are closed, it is reset.
pub struct Stream {
    stack: Arc<Stack>,
    handle: SocketHandle,
    key: Key,
}

impl Stream {
    /// The connection of this socket, which now belongs to the stream.
    pub fn new(stack: Arc<Stack>, key: Key, handle: SocketHandle) -> Self {
        Self { stack, handle, key }
    }
}

/// Whether the sandbox has not completed the handshake yet.
fn opening(socket: &Socket<'_>) -> bool {
    matches!(socket.state(), State::Listen | State::SynReceived)
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut stack = self.stack.lock();
        let socket = stack.socket(self.handle);
        if !socket.can_recv() && (socket.may_recv() || opening(socket)) {
            socket.register_recv_waker(context.waker());
            return Poll::Pending;
        }
        match socket.recv_slice(buffer.initialize_unfilled()) {
            Ok(read) => {
                buffer.advance(read);
                drop(stack);
                // The window has grown, and the other side may wait for that.
                self.stack.changed.notify_one();
                Poll::Ready(Ok(()))
            }
            Err(RecvError::Finished) => Poll::Ready(Ok(())),
            Err(RecvError::InvalidState) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut stack = self.stack.lock();
        let socket = stack.socket(self.handle);
        if !socket.can_send() && (socket.may_send() || opening(socket)) {
            socket.register_send_waker(context.waker());
            return Poll::Pending;
        }
        match socket.send_slice(bytes) {
            Ok(sent) => {
                drop(stack);
                self.stack.changed.notify_one();
                Poll::Ready(Ok(sent))
            }
            Err(_) => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stack.lock().socket(self.handle).close();
        self.stack.changed.notify_one();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut stack = self.stack.lock();
        let socket = stack.socket(self.handle);
        let closed = matches!(
            socket.state(),
            State::Closed | State::Closing | State::LastAck | State::TimeWait | State::FinWait1 | State::FinWait2
        );
        if !closed || socket.may_recv() {
            socket.abort();
        }
        stack.leave(self.key, self.handle);
        drop(stack);
        self.stack.changed.notify_one();
    }
}
