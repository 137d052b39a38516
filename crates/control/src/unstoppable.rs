use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use wisp_core::ports::{BoxFuture, Tasks};

/// A future that runs where it is awaited, and goes on as a task of its own if it is dropped before its end. So what
/// is usually awaited to its end costs no task, and is stopped by nobody.
pub(crate) struct Unstoppable<T: Send + 'static> {
    future: Option<BoxFuture<'static, T>>,
    tasks: Arc<dyn Tasks>,
}

impl<T: Send + 'static> Unstoppable<T> {
    pub fn new(tasks: Arc<dyn Tasks>, future: impl Future<Output = T> + Send + 'static) -> Self {
        Self {
            future: Some(Box::pin(future)),
            tasks,
        }
    }
}

impl<T: Send + 'static> Future for Unstoppable<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        let poll = future.as_mut().poll(context);
        if poll.is_ready() {
            self.future = None;
        }
        poll
    }
}

impl<T: Send + 'static> Drop for Unstoppable<T> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            self.tasks.spawn(Box::pin(async move { drop(future.await) }));
        }
    }
}
