//! `postgres_changes`: rows that change in PostgreSQL, by logical replication. The feed `changes` of
//! `/whisk.system/postgres`.
//!
//! The server keeps what was not confirmed in a replication slot; a transaction is confirmed when the sink has taken all
//! its changes, and comes again as a whole otherwise. A change's id is the place of its transaction's commit in the log with
//! its number in the transaction. What is sent is the [logical replication
//! protocol](https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html) of the plugin `pgoutput`.

mod changes;
mod decode;
mod listener;
mod row;
mod tunnel;

use std::sync::Arc;

use wisp_core::{
    Error, Result,
    ports::{EventSource, Feed, FeedSettings, KEEP, Subscription},
};

use crate::{
    Context,
    address::Address,
    batch::Batch,
    setting::{needed, optional, required, secret, text},
    tls,
};

const FEEDS: &[Feed] = &[Feed {
    package: "postgres",
    name: "changes",
    description: "Fires a trigger for each row that is inserted, updated or deleted",
    parameters: &[
        secret(required(
            "url",
            "postgres://user[:password]@host[:port]/database[?sslmode=verify-full]",
        )),
        required(
            "publication",
            "The publication, which must be there: it says which tables and changes",
        ),
        optional("slot", "The replication slot, which is made if it is not there; wisp"),
        KEEP,
        tls::AUTHORITY,
    ],
}];

/// The source.
struct PostgresChanges(Context);

/// The source `postgres_changes`.
pub fn register(context: &Context) -> Arc<dyn EventSource> {
    Arc::new(PostgresChanges(context.clone()))
}

impl EventSource for PostgresChanges {
    fn name(&self) -> &'static str {
        "postgres_changes"
    }

    fn feeds(&self) -> &'static [Feed] {
        FEEDS
    }

    fn open(&self, _: &Feed, settings: &FeedSettings) -> Result<Subscription> {
        let config = &self.0.config;
        let schemes = [("postgres", 5432, false), ("postgresql", 5432, false)];
        let slot = text(settings, "slot").unwrap_or("wisp");
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !slot.bytes().all(allowed) {
            let message = "the slot parameter must be of small letters, digits and underscores";
            return Err(Error::bad_request(message));
        }
        let url = needed(settings, "url")?;
        Ok(Subscription::Listener(Box::new(listener::Slot {
            address: Address::read(url, &schemes, config)?,
            tls: wants_tls(url)?.then(|| tls::client(settings)).transpose()?,
            publication: needed(settings, "publication")?.to_owned(),
            slot: slot.to_owned(),
            batch: Batch::of(settings, config)?,
            clock: self.0.clock.clone(),
        })))
    }
}

/// Whether a URL asks for TLS. Whoever asks for less than that the server proves itself would get no less, and is told so.
fn wants_tls(url: &str) -> Result<bool> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let mode = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "sslmode");
    match mode.as_ref().map_or("disable", |(_, mode)| mode) {
        "disable" => Ok(false),
        "verify-full" => Ok(true),
        other => Err(Error::bad_request(format!(
            "sslmode in the url parameter is '{other}'; it can be disable or verify-full (with the parameter ca where the \
             machine does not know who vouches for the server)"
        ))),
    }
}
