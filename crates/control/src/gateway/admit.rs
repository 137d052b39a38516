use std::{sync::Arc, time::Duration};

use wisp_core::{
    Code, Error, Result,
    model::{EntityName, Identity, Millis},
    ports::{Expect, Write},
};

use super::{
    Api, ClientKey, Entry, Policy,
    rates::Rate,
    routes::{Match, Operation},
    store::{USAGE, decode, encode, place},
    usage::{Tally, Usage},
};
use crate::{authenticate::secret_digest, control::Control};

/// An API that a request meets.
#[derive(Clone)]
pub struct Met {
    pub(crate) api: Arc<Api>,
    path: String,
}

/// What a request asks of an API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Method and template: `GET /books/{id}`.
    pub operation: &'a Arc<str>,
    /// The web action, below `/api/v1/web/`, with its extension.
    pub target: &'a str,
    /// What the web action asks for in `X-Require-Whisk-Auth`.
    pub secret: Option<&'a str>,
    /// The values of the template's parameters, as they were sent.
    pub values: Vec<(&'a str, &'a str)>,
}

/// What callers show of themselves.
#[derive(Debug, Default)]
pub struct Credentials<'a> {
    /// The key of the API, or the client's id.
    pub key: Option<&'a str>,
    /// The secret of the key.
    pub secret: Option<&'a str>,
    /// Who calls, if they have a key of this platform.
    pub caller: Option<&'a Identity>,
}

impl Met {
    /// What of the request's path follows the base path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Who may call, and how often.
    pub fn policy(&self) -> &Policy {
        &self.api.policy
    }

    /// Whether browsers are told that everybody may call.
    pub fn cors(&self) -> bool {
        self.api.cors
    }

    /// What a method asks for.
    pub fn ask(&self, method: &str) -> Result<Asked<'_>> {
        match self.api.routes.find(method, &self.path) {
            Match::Operation(Operation { name, target, secret }, values) => Ok(Asked {
                operation: name,
                target,
                secret: secret.as_deref(),
                values,
            }),
            Match::Methods(methods) => {
                let methods = methods.join(", ");
                let message = format!("HTTP method not allowed, supported methods: {methods}");
                Err(Error::new(Code::MethodNotAllowed, message).with("allowed", methods))
            }
            Match::Nothing => {
                let known: Vec<&str> = self.api.routes.templates().take(20).collect();
                let message = format!("The API '{}' has no path '{}'.", self.api.base, self.path);
                Err(Error::new(Code::NotFound, message).with("remedy", format!("call one of {}", known.join(", "))))
            }
        }
    }
}

impl Control {
    /// The API of a namespace that a path, below the namespace's own, belongs to.
    pub async fn met_api(&self, namespace: &EntityName, path: &str) -> Result<Met> {
        let apis = self.inner.gateway.apis(namespace).await?;
        let belongs = |base: &str| {
            base == "/"
                || path
                    .strip_prefix(base)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match apis.iter().find(|api| belongs(&api.base)) {
            Some(api) => Ok(Met {
                path: path
                    .strip_prefix(api.base.trim_end_matches('/'))
                    .unwrap_or(path)
                    .to_owned(),
                api: api.clone(),
            }),
            None => Err(Error::new(Code::NotFound, format!("There is no API at '{path}'."))
                .with("remedy", "`wisp api list` shows the addresses of your APIs")),
        }
    }

    /// Lets a caller in or says why not; their key, if they have one.
    pub async fn admit_to_api(&self, met: &Met, shown: &Credentials<'_>) -> Result<Option<Arc<ClientKey>>> {
        check_sharing(&met.api.policy, shown.caller)?;
        self.client(&met.api, shown).await
    }

    /// Counts a request of a caller who was let in, by this key, or says what is used up.
    pub async fn meter_api(&self, met: &Met, key: Option<&ClientKey>) -> Result<()> {
        let (api, now) = (&met.api, self.inner.clock.now());
        self.resume_usage(api, now).await?;
        if let Some(rate) = api.policy.rate {
            self.check_rate(api.key(), rate, "the API's rate")?;
        }
        let Some(key) = key else { return Ok(()) };
        if let Some(rate) = key.rate.or(api.policy.key_rate) {
            self.check_rate(&place(api, &key.digest), rate, "the key's rate")?;
        }
        if let Some(quota) = key.quota.or(api.policy.key_quota)
            && !self.inner.gateway.usage.admit(api.key(), &key.name, quota, now)
        {
            return Err(over_quota(quota, now));
        }
        Ok(())
    }

    /// The key that a caller shows, which must be good where one is asked for.
    async fn client(&self, api: &Api, shown: &Credentials<'_>) -> Result<Option<Arc<ClientKey>>> {
        let found = match shown.key {
            Some(key) => self.inner.gateway.key(api, &secret_digest(key)).await?,
            None => None,
        };
        if !api.policy.wants_key() {
            return Ok(found);
        }
        let header = api.policy.header();
        let refuse = |message: &str| {
            let remedy = format!(
                "send a key of this API in the header {header}; its owner gives them out with `wisp api key create`"
            );
            Error::new(Code::Unauthenticated, message).with("remedy", remedy)
        };
        let Some(key) = found else {
            return Err(match shown.key {
                None => refuse("This API needs a key."),
                Some(_) => refuse("This API does not know that key."),
            });
        };
        if api.policy.require_secret && !key.opens(shown.secret) {
            return Err(Error::new(Code::Unauthenticated, "This API needs the key's secret.")
                .with("remedy", "send it in the header X-Client-Secret"));
        }
        Ok(Some(key))
    }

    fn check_rate(&self, what: &str, rate: Rate, name: &str) -> Result<()> {
        self.inner.gateway.rates.check(what, rate).map_err(|wait| {
            let seconds = wait.max(Duration::from_secs(1)).as_millis().div_ceil(1000);
            Error::new(Code::Throttled, format!("Too many requests: {name} is {rate}."))
                .with("limit", name)
                .with("value", rate)
                .with("retryAfter", seconds)
                .with("remedy", "come back later, or ask the API's owner for more")
        })
    }

    /// Notes a request that was answered.
    pub fn note_api_request(&self, met: &Met, entry: Entry) {
        self.inner.gateway.usage.note(met.api.key(), entry);
    }

    /// Reads in what was used today before this server started.
    async fn resume_usage(&self, api: &Api, now: Millis) -> Result<()> {
        let gateway = &self.inner.gateway;
        if gateway.usage.knows(api.key(), now) {
            return Ok(());
        }
        let stored = gateway.records.get(USAGE, &day_key(api.key(), Usage::day(now))).await?;
        let tally: Tally = stored.as_ref().map(decode).transpose()?.unwrap_or_default();
        gateway.usage.resume(api.key(), now, tally);
        Ok(())
    }

    /// Writes down what was used since the last time.
    pub async fn flush_api_usage(&self) -> Result<()> {
        let gateway = &self.inner.gateway;
        for (api, day, tally) in gateway.usage.changed() {
            let write = Write {
                table: USAGE,
                key: day_key(&api, day),
                value: Some(encode(&tally)?.into()),
                expect: Expect::Any,
            };
            gateway.records.commit(vec![write]).await?;
        }
        Ok(())
    }

    /// What was used of an API: by day (days since 1970, UTC), key and operation.
    pub(crate) async fn api_usage(&self, api: &Api) -> Result<Vec<(u64, Tally)>> {
        self.resume_usage(api, self.inner.clock.now()).await?;
        self.flush_api_usage().await?;
        let prefix = format!("{} ", api.key());
        let records = self.inner.gateway.records.scan(USAGE, &prefix).await?;
        let read = |record| {
            let tally = decode(record)?;
            let day = record.key.strip_prefix(&prefix).and_then(|day| day.parse().ok());
            Ok((day.unwrap_or_default(), tally))
        };
        records.iter().map(read).collect()
    }
}

/// Where a day is; of eight digits, so that days are in order.
fn day_key(api: &str, day: u64) -> String {
    format!("{api} {day:08}")
}

fn check_sharing(policy: &Policy, caller: Option<&Identity>) -> Result<()> {
    if policy.namespaces.is_empty() {
        return Ok(());
    }
    let Some(caller) = caller else {
        let message = "This API is shared with certain namespaces only.";
        return Err(Error::new(Code::Unauthenticated, message)
            .with("remedy", "send the key of one of them, as Basic credentials"));
    };
    if policy
        .namespaces
        .iter()
        .any(|namespace| namespace == caller.namespace.as_str())
    {
        return Ok(());
    }
    let message = format!("This API is not shared with the namespace '{}'.", caller.namespace);
    Err(Error::new(Code::Forbidden, message).with("remedy", "ask its owner to share it"))
}

fn over_quota(quota: u64, now: Millis) -> Error {
    let midnight = (Usage::day(now) + 1) * 86_400_000;
    Error::new(
        Code::Throttled,
        format!("The key's quota of {quota} requests a day is used up."),
    )
    .with("limit", "the key's quota")
    .with("value", quota)
    .with("retryAfter", (midnight - now).div_ceil(1000))
    .with("remedy", "come back tomorrow, or ask the API's owner for more")
}
