//! `/whisk.system/cloudevents`: events that leave the platform, as the [HTTP binding of CloudEvents
//! 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md) has them. The source
//! `cloudevents` adds the feed by which they come.
//!
//! Where events go is said by the parameters of a binding, never by an event: whoever can fire a trigger cannot choose
//! who hears of it.

mod event;
mod message;
mod send;
mod sink;

use super::Package;

/// The package.
pub(crate) fn register() -> Package {
    Package::new("Events as CloudEvents: received, and sent to a sink")
        .action(
            "send",
            "Sends what it is invoked with to the sink that the binding of this package names",
            |request| Box::pin(send::send(request)),
        )
        .annotated("parameters", sink::described())
}
