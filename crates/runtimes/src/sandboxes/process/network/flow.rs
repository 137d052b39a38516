use std::{net::SocketAddr, sync::Arc, time::Duration};

use smoltcp::iface::SocketHandle;
use tokio::{io::copy_bidirectional_with_sizes, net::TcpStream};
use wisp_core::ports::Clock;

use super::{packet::Key, stack::Stack, stream::Stream};

/// Bytes that are copied at a time, in each direction.
const CHUNK: usize = 32 << 10;

/// Relays one TCP connection: connects to the outside, then answers the sandbox, then copies until both sides are
/// done. What cannot be connected is refused.
pub async fn run(
    stack: Arc<Stack>,
    key: Key,
    handle: SocketHandle,
    to: SocketAddr,
    limit: Duration,
    clock: Arc<dyn Clock>,
) {
    let mut inside = Stream::new(stack.clone(), key, handle);
    let mut outside = tokio::select! {
        connected = TcpStream::connect(to) => match connected {
            Ok(outside) => outside,
            Err(_) => return,
        },
        () = clock.sleep(limit) => return,
    };
    let _ = outside.set_nodelay(true);
    stack.lock().accept(handle);
    stack.changed.notify_one();
    // Either side may break off at any time; there is nobody to tell but the other side, which closing does.
    let _ = copy_bidirectional_with_sizes(&mut inside, &mut outside, CHUNK, CHUNK).await;
}
