use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use wisp_core::{
    Error,
    ports::{EventSource, Feed},
};

use super::Package;

/// The packages of the sources' feeds.
pub(super) fn packages(sources: &[Arc<dyn EventSource>]) -> impl Iterator<Item = (&'static str, Package)> {
    let mut packages: BTreeMap<&'static str, Package> = BTreeMap::new();
    for source in sources {
        for feed in source.feeds() {
            let package = packages.remove(feed.package);
            let package = package.unwrap_or_else(|| Package::new("Feeds that fire triggers"));
            packages.insert(feed.package, with_feed(package, source.name(), feed));
        }
    }
    packages.into_iter()
}

fn with_feed(package: Package, source: &'static str, feed: &'static Feed) -> Package {
    let parameters = feed.parameters.iter().map(|parameter| {
        json!({"name": parameter.name, "required": parameter.required, "description": parameter.description})
    });
    let parameters: Vec<Value> = parameters.collect();
    let call = package.action(feed.name, feed.description, move |request| {
        Box::pin(async move {
            let Value::Object(arguments) = request.arguments else {
                return Err(Error::bad_request("a feed takes an object"));
            };
            request
                .control
                .feed_event(request.caller, source, feed, arguments)
                .await
        })
    });
    call.annotated("feed", true).annotated("parameters", parameters)
}
