use serde::{Deserialize, Serialize};
use wisp_core::{
    Result,
    model::{Identity, Millis, Right},
    ports::{Expect, Table, Write},
};

use super::{
    Exception,
    arn::{Arn, Named},
    machines::{TOKEN, changed, key},
    paging::{Chunk, Paging},
    shelf::{Kept, deleting, writing},
};
use crate::{control::Control, resolve::require};

/// Aliases, by `namespace/machine/alias`.
const ALIASES: Table = "machine_aliases";

/// The pattern of an alias's name, as refusals show it.
const PATTERN: &str = r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$";

/// A share of the executions that an alias starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The version.
    pub version: u64,
    /// Its share, in percent.
    pub weight: u8,
}

/// A name for one version of a machine, or for two by shares.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Alias {
    /// The machine.
    pub machine: String,
    /// Its name.
    pub name: String,
    /// What the client said of it.
    pub description: Option<String>,
    /// The versions.
    pub routes: Vec<Route>,
    /// When it was created.
    pub created: Millis,
    /// When it was last changed.
    pub updated: Millis,
}

impl Alias {
    /// The version that `draw`, of 100, falls to.
    pub(super) fn choose(&self, draw: u8) -> u64 {
        let mut below = 0;
        let chosen = self.routes.iter().find(|route| {
            below += route.weight;
            draw < below
        });
        chosen.or(self.routes.last()).map_or(0, |route| route.version)
    }
}

impl Control {
    /// Creates an alias of the machine that its versions belong to. Creating it again as it is gives it again.
    pub async fn create_alias(
        &self,
        caller: &Identity,
        name: &str,
        description: Option<String>,
        routes: &[(String, i64)],
    ) -> Result<(Arn, Millis)> {
        require(caller, Right::Put)?;
        check_alias(name)?;
        let (machine, routes) = self.routes(caller, routes).await?;
        let arn = self.arn(caller, Named::Alias(machine.clone(), name.to_owned()));
        if let Some(Kept { value: known, .. }) = self.find_alias(caller, &machine, name).await? {
            if known.routes == routes && known.description == description {
                return Ok((arn, known.created));
            }
            let message = format!(
                "Failed to create alias because an alias with the same name and a different routing configuration already exists: '{arn}'"
            );
            return Err(Exception::ConflictException.says(message));
        }
        let shelf = &self.inner.workflows.shelf;
        let most = self.inner.workflows.settings.aliases;
        let own = format!("{}/", key(&caller.namespace, &machine));
        if shelf.count(ALIASES, &own).await? >= most {
            return Err(Exception::ServiceQuotaExceededException.limit("workflows.aliases", most));
        }
        let now = self.inner.clock.now();
        let alias = Alias {
            machine,
            name: name.to_owned(),
            description,
            routes,
            created: now,
            updated: now,
        };
        let write = writing(ALIASES, format!("{own}{name}"), &alias, Expect::Absent)?;
        match shelf.commit(vec![write]).await? {
            true => Ok((arn, now)),
            false => Err(changed(&arn)),
        }
    }

    /// Changes an alias.
    pub async fn update_alias(
        &self,
        caller: &Identity,
        arn: &str,
        description: Option<String>,
        routes: Option<&[(String, i64)]>,
    ) -> Result<Millis> {
        require(caller, Right::Put)?;
        if description.is_none() && routes.is_none() {
            let message = "Either description or RoutingConfiguration must be specified.";
            return Err(Exception::ValidationException.says(message));
        }
        let (
            arn,
            Kept {
                revision,
                value: mut alias,
            },
        ) = self.alias(caller, arn).await?;
        if let Some(routes) = routes {
            let (machine, routes) = self.routes(caller, routes).await?;
            if machine != alias.machine {
                let message = "Routing configuration must contain versions of the alias's state machine only.";
                return Err(Exception::ValidationException.says(message));
            }
            alias.routes = routes;
        }
        alias.description = description.or(alias.description);
        alias.updated = self.inner.clock.now();
        let key = alias_key(caller, &alias.machine, &alias.name);
        let write = writing(ALIASES, key, &alias, Expect::At(revision))?;
        match self.inner.workflows.shelf.commit(vec![write]).await? {
            true => Ok(alias.updated),
            false => Err(changed(&arn)),
        }
    }

    /// An alias.
    pub async fn describe_alias(&self, caller: &Identity, arn: &str) -> Result<(Arn, Alias)> {
        require(caller, Right::Read)?;
        let (arn, kept) = self.alias(caller, arn).await?;
        Ok((arn, kept.value))
    }

    /// The aliases of a machine, or those that refer to a version.
    pub async fn list_aliases(&self, caller: &Identity, arn: &str, paging: &Paging) -> Result<Chunk<(Arn, Alias)>> {
        require(caller, Right::Read)?;
        let arn = Arn::parse(arn, caller, Exception::StateMachineDoesNotExist)?;
        let (name, version) = match &arn.named {
            Named::Machine(name) => (name, None),
            Named::Version(name, number) => (name, Some(*number)),
            _ => return Err(arn.misplaced()),
        };
        if self.find_machine(caller, name).await?.is_none() {
            return Err(Exception::StateMachineDoesNotExist.of(&arn));
        }
        let mut all = self.all_aliases(caller, name).await?;
        let refers =
            |alias: &Alias| version.is_none_or(|version| alias.routes.iter().any(|route| route.version == version));
        all.retain(refers);
        let page = paging.cut(TOKEN, all, |alias| alias.name.clone())?;
        let entry = |alias: Alias| (arn.with(Named::Alias(alias.machine.clone(), alias.name.clone())), alias);
        Ok(Chunk {
            entries: page.entries.into_iter().map(entry).collect(),
            next: page.next,
        })
    }

    /// Deletes an alias.
    pub async fn delete_alias(&self, caller: &Identity, arn: &str) -> Result<()> {
        require(caller, Right::Delete)?;
        let (_, Kept { value, .. }) = self.alias(caller, arn).await?;
        let write = deleting(ALIASES, alias_key(caller, &value.machine, &value.name), Expect::Any);
        self.inner.workflows.shelf.records.commit(vec![write]).await.map(drop)
    }

    async fn alias(&self, caller: &Identity, arn: &str) -> Result<(Arn, Kept<Alias>)> {
        let arn = Arn::parse(arn, caller, Exception::ResourceNotFound)?;
        let Named::Alias(machine, name) = &arn.named else {
            return Err(arn.misplaced());
        };
        let found = self.find_alias(caller, machine, name).await?;
        let missing = || Exception::ResourceNotFound.says("Request references a resource that does not exist.");
        found.map(|kept| (arn.clone(), kept)).ok_or_else(missing)
    }

    pub(super) async fn find_alias(&self, caller: &Identity, machine: &str, name: &str) -> Result<Option<Kept<Alias>>> {
        self.inner
            .workflows
            .shelf
            .get(ALIASES, &alias_key(caller, machine, name))
            .await
    }

    async fn all_aliases(&self, caller: &Identity, machine: &str) -> Result<Vec<Alias>> {
        let own = format!("{}/", key(&caller.namespace, machine));
        self.inner.workflows.shelf.scan(ALIASES, &own).await
    }

    /// The names of the aliases that refer to a version.
    pub(super) async fn aliases_of(&self, caller: &Identity, machine: &str, version: u64) -> Result<Vec<String>> {
        let all = self.all_aliases(caller, machine).await?;
        let refers = |alias: &Alias| alias.routes.iter().any(|route| route.version == version);
        Ok(all.into_iter().filter(refers).map(|alias| alias.name).collect())
    }

    /// The writes that delete all aliases of a machine.
    pub(super) async fn deleting_aliases(&self, caller: &Identity, machine: &str) -> Result<Vec<Write>> {
        let all = self.all_aliases(caller, machine).await?;
        let write = |alias: Alias| deleting(ALIASES, alias_key(caller, machine, &alias.name), Expect::Any);
        Ok(all.into_iter().map(write).collect())
    }

    /// Reads shares: of one or two different versions of one machine that exist, 100 percent together.
    async fn routes(&self, caller: &Identity, routes: &[(String, i64)]) -> Result<(String, Vec<Route>)> {
        let refuse = |message: String| Exception::ValidationException.says(message);
        if !(1..=2).contains(&routes.len()) {
            let rule = "Member must have length between 1 and 2";
            return Err(Exception::constraint(routes.len(), "routingConfiguration", rule));
        }
        let (mut read, mut machine) = (Vec::new(), None);
        for (text, weight) in routes {
            let arn = Arn::parse(text, caller, Exception::ResourceNotFound)?;
            let Named::Version(name, version) = &arn.named else {
                return Err(Exception::InvalidArn.of(text));
            };
            let share = u8::try_from(*weight).ok().filter(|share| *share <= 100);
            let share = share
                .ok_or_else(|| Exception::constraint(weight, "weight", "Member must have value between 0 and 100"))?;
            if self.find_version(caller, name, *version).await?.is_none() {
                let missing = "Request references a resource that does not exist.";
                return Err(Exception::ResourceNotFound.says(missing).with("version", &arn));
            }
            if machine.get_or_insert_with(|| name.clone()) != name {
                return Err(refuse(
                    "Routing configuration must contain versions of one state machine only.".into(),
                ));
            }
            read.push(Route {
                version: *version,
                weight: share,
            });
        }
        let sum: u32 = read.iter().map(|route| u32::from(route.weight)).sum();
        if sum != 100 {
            return Err(refuse(format!(
                "Sum of routing configuration weights must equal 100, but was: {sum}"
            )));
        }
        if let [one, other] = read.as_slice()
            && one.version == other.version
        {
            return Err(refuse(
                "Routing configuration must contain distinct state machine version ARNs.".into(),
            ));
        }
        Ok((machine.unwrap_or_default(), read))
    }
}

fn alias_key(caller: &Identity, machine: &str, name: &str) -> String {
    format!("{}/{name}", key(&caller.namespace, machine))
}

/// Refuses what cannot be an alias's name: it must not look like a version's number.
fn check_alias(name: &str) -> Result<()> {
    let known = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || name.len() > 80 || !name.chars().all(known) || name.bytes().all(|byte| byte.is_ascii_digit())
    {
        let rule = format!("Member must satisfy regular expression pattern: {PATTERN}");
        return Err(Exception::constraint(name, "name", rule));
    }
    Ok(())
}
