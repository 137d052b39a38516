use hyper::Method;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use wisp_core::model::{Fqn, RuleStatus};

use super::{
    Error, Result,
    call::{Call, Client, encode},
};

/// What a namespace holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collection {
    /// Functions and sequences.
    Actions,
    /// Packages and bindings.
    Packages,
    /// Channels of events.
    Triggers,
    /// Links from triggers to actions.
    Rules,
    /// Records of what ran.
    Activations,
}

impl Collection {
    /// The word in paths and counts.
    pub fn as_str(self) -> &'static str {
        match self {
            Collection::Actions => "actions",
            Collection::Packages => "packages",
            Collection::Triggers => "triggers",
            Collection::Rules => "rules",
            Collection::Activations => "activations",
        }
    }
}

/// Where to list: a namespace, or a package of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The namespace; `_` is the caller's.
    pub namespace: String,
    /// A package, to list its actions only.
    pub package: Option<String>,
}

/// Which part of a list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page {
    /// How many; 0 means as many as the server gives at once.
    pub limit: Option<u32>,
    /// How many of the newest to leave out.
    pub skip: u32,
}

impl Page {
    /// As many as the server gives at once.
    pub const ALL: Page = Page {
        limit: Some(0),
        skip: 0,
    };

    pub(super) fn ask(self, call: Call) -> Call {
        let call = if self.skip > 0 {
            call.query("skip", self.skip)
        } else {
            call
        };
        match self.limit {
            Some(limit) => call.query("limit", limit),
            None => call,
        }
    }
}

impl Client {
    /// Lists a collection, newest first.
    pub async fn list<T: DeserializeOwned>(&self, collection: Collection, place: &Place, page: Page) -> Result<Vec<T>> {
        self.ask(page.ask(self.list_call(collection, place))).await
    }

    /// Counts a collection.
    pub async fn count(&self, collection: Collection, place: &Place, skip: u32) -> Result<u64> {
        let call = Page { limit: None, skip }
            .ask(self.list_call(collection, place))
            .query("count", true);
        let reply = self.send(call).await?.success()?;
        let counts: serde_json::Map<String, serde_json::Value> = reply.json()?;
        counts
            .get(collection.as_str())
            .and_then(serde_json::Value::as_u64)
            .ok_or_else(|| Error::Unexpected {
                status: reply.status,
                text: format!("no count of {} in the reply", collection.as_str()),
            })
    }

    /// Reads an entity; an action without its code.
    pub async fn get<T: DeserializeOwned>(&self, collection: Collection, name: &Fqn) -> Result<T> {
        let call = self.entity(Method::GET, collection, name);
        self.ask(if collection == Collection::Actions {
            call.query("code", false)
        } else {
            call
        })
        .await
    }

    /// Reads an action with its code.
    pub async fn get_with_code<T: DeserializeOwned>(&self, name: &Fqn) -> Result<T> {
        self.ask(self.entity(Method::GET, Collection::Actions, name)).await
    }

    /// Creates an entity, or updates it if `overwrite` says so. The reply is its document.
    pub async fn put<T: DeserializeOwned>(
        &self,
        collection: Collection,
        name: &Fqn,
        body: &impl Serialize,
        overwrite: bool,
    ) -> Result<T> {
        self.ask(
            self.entity(Method::PUT, collection, name)
                .query("overwrite", overwrite)
                .json(body)?,
        )
        .await
    }

    /// Deletes an entity. The reply is its last document.
    pub async fn delete<T: DeserializeOwned>(&self, collection: Collection, name: &Fqn) -> Result<T> {
        self.ask(self.entity(Method::DELETE, collection, name)).await
    }

    /// Deletes a package and what is in it.
    pub async fn delete_with_contents<T: DeserializeOwned>(&self, package: &Fqn) -> Result<T> {
        self.ask(
            self.entity(Method::DELETE, Collection::Packages, package)
                .query("force", true),
        )
        .await
    }

    /// Enables or disables a rule.
    pub async fn set_rule(&self, name: &Fqn, status: RuleStatus) -> Result<()> {
        let call = self
            .entity(Method::POST, Collection::Rules, name)
            .json(&json!({ "status": status.as_str() }))?;
        self.send(call).await?.success().map(drop)
    }

    /// Fires a trigger. No id means that no active rule listens, and nothing happened.
    pub async fn fire(&self, name: &Fqn, payload: &impl Serialize) -> Result<Option<String>> {
        let call = self.entity(Method::POST, Collection::Triggers, name).json(payload)?;
        let reply = self.send(call).await?.success()?;
        if reply.status == 204 {
            return Ok(None);
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fired {
            activation_id: String,
        }
        reply.json().map(|fired: Fired| Some(fired.activation_id))
    }

    pub(super) fn list_call(&self, collection: Collection, place: &Place) -> Call {
        let path = format!(
            "{}/namespaces/{}/{}",
            self.base_path(),
            encode(&place.namespace),
            collection.as_str()
        );
        let path = match &place.package {
            // With the slash it is a list; without, it would name an action.
            Some(package) => format!("{path}/{}/", encode(package)),
            None => path,
        };
        Call::new(Method::GET, path)
    }

    pub(super) fn entity(&self, method: Method, collection: Collection, name: &Fqn) -> Call {
        let package = name
            .package()
            .map(|package| format!("{}/", encode(package)))
            .unwrap_or_default();
        let path = format!(
            "{}/namespaces/{}/{}/{package}{}",
            self.base_path(),
            encode(name.namespace()),
            collection.as_str(),
            encode(name.name()),
        );
        Call::new(method, path)
    }
}
