use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use wisp_core::{
    Error, Result,
    model::{EntityName, Identity, Millis, Right},
    ports::{Expect, Write},
};
use wisp_workflow::validate::{self, Report, Severity, validate};

use super::{
    Exception, Machine, MachineKind, Version,
    arn::{Arn, Named, check_name},
    machine::{DEFINITIONS, Draft, MACHINES, Stamped, VERSIONS},
    paging::{Chunk, Paging},
    shelf::{Kept, deleting, writing},
    tags,
};
use crate::{control::Control, resolve::require};

/// Longest token of a list.
pub(super) const TOKEN: usize = 1024;

/// What comes of creating a machine.
#[derive(Clone, Debug)]
pub struct Created {
    /// Its ARN.
    pub arn: Arn,
    /// When it was created.
    pub created: Millis,
    /// The version that was published with it.
    pub version: Option<Arn>,
}

/// What comes of updating a machine.
#[derive(Clone, Debug)]
pub struct Updated {
    /// When.
    pub updated: Millis,
    /// Names what it is now.
    pub revision_id: Option<String>,
    /// The version that was published with it.
    pub version: Option<Arn>,
}

/// What is to be changed of a machine; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Its definition.
    pub definition: Option<String>,
    /// The role.
    pub role_arn: Option<String>,
    /// Logging.
    pub logging: Option<Value>,
    /// Tracing.
    pub tracing: Option<Value>,
    /// Encryption.
    pub encryption: Option<Value>,
    /// Whether a version is published.
    pub publish: bool,
    /// What is said of the version.
    pub version_description: Option<String>,
}

/// A machine or one of its versions, with its definition.
#[derive(Clone, Debug)]
pub struct Described {
    /// Its ARN.
    pub arn: Arn,
    /// Its name.
    pub name: String,
    /// How it runs.
    pub kind: MachineKind,
    /// When the machine, or the version, was created.
    pub created: Millis,
    /// What it is.
    pub draft: Stamped,
    /// Its definition: JSON text.
    pub definition: String,
    /// What was said of the version.
    pub description: Option<String>,
}

impl Control {
    /// What is wrong in a definition, whether it is stored or not.
    pub fn validate_definition(&self, definition: &str, kind: MachineKind) -> Report {
        validate(definition, kind.into())
    }

    /// The same where nobody waits for it, with what would be right: a definition may be long.
    pub async fn lint_definition(&self, definition: String, kind: MachineKind) -> Result<Report> {
        let (answer, answered) = oneshot::channel();
        let examine = move || drop(answer.send(validate(&definition, kind.into())));
        self.inner.tasks.compute(Box::new(examine));
        answered
            .await
            .map_err(|_| Error::internal("a definition's examination ended without an answer"))
    }

    /// Creates a machine. Creating it again as it is gives it again.
    pub async fn create_machine(&self, caller: &Identity, draft: Draft) -> Result<Created> {
        require(caller, Right::Put)?;
        check_name(&draft.name)?;
        let arn = self.arn(caller, Named::Machine(draft.name.clone()));
        self.check_definition(&draft.definition, draft.kind)?;
        let tags = tags::merged(Default::default(), &draft.tags, self.inner.workflows.settings.tags)?;
        if draft.version_description.is_some() && !draft.publish {
            let message = "Version description can only be set when publish is true";
            return Err(Exception::ValidationException.says(message));
        }
        let definition = digest(&draft.definition);
        let mut machine = Machine {
            name: draft.name.clone(),
            kind: draft.kind,
            created: self.inner.clock.now(),
            draft: Stamped {
                revision_id: None,
                definition: definition.clone(),
                role_arn: draft.role_arn.clone(),
                logging: draft.logging.clone().unwrap_or_else(no_logging),
                tracing: draft.tracing.clone().unwrap_or_else(|| json!({ "enabled": false })),
                encryption: draft.encryption.clone().unwrap_or_else(own_key),
            },
            published: 0,
            tags,
        };
        if let Some(known) = self.find_machine(caller, &draft.name).await? {
            return self.created_before(caller, &machine, known, arn, &draft).await;
        }
        let (settings, shelf) = (&self.inner.workflows.settings, &self.inner.workflows.shelf);
        if shelf.count(MACHINES, &prefix(&caller.namespace)).await? >= settings.machines {
            return Err(Exception::StateMachineLimitExceeded.limit("workflows.machines", settings.machines));
        }
        let mut writes = vec![defining(&caller.namespace, &draft.definition)?];
        let description = draft.version_description;
        let publishing = self.publishing(caller, &mut machine, draft.publish, description, &mut writes);
        let version = publishing.await?;
        let key = key(&caller.namespace, &machine.name);
        writes.push(writing(MACHINES, key, &machine, Expect::Absent)?);
        match shelf.commit(writes).await? {
            true => Ok(Created {
                arn,
                created: machine.created,
                version,
            }),
            false => Err(changed(&arn)),
        }
    }

    /// The answer to a creation of what is there: the same if it is the same.
    async fn created_before(
        &self,
        caller: &Identity,
        wanted: &Machine,
        known: Kept<Machine>,
        arn: Arn,
        draft: &Draft,
    ) -> Result<Created> {
        let there = &known.value;
        let same = there.kind == wanted.kind
            && there.draft.definition == wanted.draft.definition
            && there.draft.logging == wanted.draft.logging
            && there.draft.tracing == wanted.draft.tracing;
        if !same {
            return Err(Exception::StateMachineAlreadyExists.of(arn));
        }
        let created = there.created;
        let version = match draft.publish {
            true => Some(
                self.publish_known(caller, known, draft.version_description.clone())
                    .await?
                    .0,
            ),
            false => None,
        };
        Ok(Created { arn, created, version })
    }

    /// Changes a machine. Executions that run keep the definition that they began with.
    pub async fn update_machine(&self, caller: &Identity, arn: &str, change: Change) -> Result<Updated> {
        require(caller, Right::Put)?;
        let (
            arn,
            Kept {
                revision,
                value: mut machine,
            },
        ) = self.machine(caller, arn).await?;
        if change.definition.is_none()
            && change.role_arn.is_none()
            && change.logging.is_none()
            && change.tracing.is_none()
            && change.encryption.is_none()
        {
            let message = "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified";
            return Err(Exception::MissingRequiredParameter.says(message));
        }
        let (mut writes, before) = (Vec::new(), machine.draft.clone());
        if let Some(definition) = &change.definition {
            self.check_definition(definition, machine.kind)?;
            machine.draft.definition = digest(definition);
            writes.push(defining(&caller.namespace, definition)?);
        }
        let draft = &mut machine.draft;
        draft.role_arn = change.role_arn.unwrap_or_else(|| before.role_arn.clone());
        draft.logging = change.logging.unwrap_or_else(|| before.logging.clone());
        draft.tracing = change.tracing.unwrap_or_else(|| before.tracing.clone());
        draft.encryption = change.encryption.unwrap_or_else(|| before.encryption.clone());
        if *draft != before {
            draft.revision_id = Some(uuid());
        }
        let description = change.version_description;
        let publishing = self.publishing(caller, &mut machine, change.publish, description, &mut writes);
        let version = publishing.await?;
        let key = key(&caller.namespace, &machine.name);
        writes.push(writing(MACHINES, key, &machine, Expect::At(revision))?);
        match self.inner.workflows.shelf.commit(writes).await? {
            true => Ok(Updated {
                updated: self.inner.clock.now(),
                revision_id: machine.draft.revision_id,
                version,
            }),
            false => Err(changed(&arn)),
        }
    }

    /// A machine, or a version of it.
    pub async fn describe_machine(&self, caller: &Identity, arn: &str) -> Result<Described> {
        require(caller, Right::Read)?;
        let arn = Arn::parse(arn, caller, Exception::StateMachineDoesNotExist)?;
        self.described(caller, &arn).await
    }

    pub(super) async fn described(&self, caller: &Identity, arn: &Arn) -> Result<Described> {
        let name = match &arn.named {
            Named::Machine(name) | Named::Version(name, _) => name,
            _ => return Err(arn.misplaced()),
        };
        let missing = || Exception::StateMachineDoesNotExist.of(arn);
        let machine = self.find_machine(caller, name).await?.ok_or_else(missing)?.value;
        let (draft, created, description) = match arn.named {
            Named::Version(_, number) => {
                let version = self
                    .find_version(caller, name, number)
                    .await?
                    .ok_or_else(missing)?
                    .value;
                (version.draft, version.created, version.description)
            }
            _ => (machine.draft, machine.created, None),
        };
        Ok(Described {
            name: machine.name,
            kind: machine.kind,
            created,
            definition: self.definition(&caller.namespace, &draft.definition).await?,
            draft,
            description,
            arn: arn.clone(),
        })
    }

    /// The machines of the caller's namespace, by name.
    pub async fn list_machines(&self, caller: &Identity, paging: &Paging) -> Result<Chunk<(Arn, Machine)>> {
        require(caller, Right::Read)?;
        let all: Vec<Machine> = self
            .inner
            .workflows
            .shelf
            .scan(MACHINES, &prefix(&caller.namespace))
            .await?;
        let page = paging.cut(TOKEN, all, |machine| machine.name.clone())?;
        let entry = |machine: Machine| (self.arn(caller, Named::Machine(machine.name.clone())), machine);
        Ok(Chunk {
            entries: page.entries.into_iter().map(entry).collect(),
            next: page.next,
        })
    }

    /// Deletes a machine that is there, with its versions and aliases. Executions that run go on.
    pub async fn remove_machine(&self, caller: &Identity, arn: &str) -> Result<()> {
        require(caller, Right::Delete)?;
        self.machine(caller, arn).await?;
        self.delete_machine(caller, arn).await
    }

    /// Deletes a machine with its versions and aliases, if it is there. Executions that run go on.
    pub async fn delete_machine(&self, caller: &Identity, arn: &str) -> Result<()> {
        require(caller, Right::Delete)?;
        let arn = Arn::parse(arn, caller, Exception::StateMachineDoesNotExist)?;
        let name = match &arn.named {
            Named::Machine(name) => name.clone(),
            Named::Version(..) | Named::Alias(..) => {
                return Err(Exception::ValidationException.says(format!("Invalid Arn: '{arn}'")));
            }
            _ => return Err(arn.misplaced()),
        };
        let shelf = &self.inner.workflows.shelf;
        let own = key(&caller.namespace, &name);
        let versions: Vec<Version> = shelf.scan(VERSIONS, &format!("{own}/")).await?;
        let versions = versions.into_iter().map(|version| {
            let key = version_key(&caller.namespace, &name, version.number);
            deleting(VERSIONS, key, Expect::Any)
        });
        let mut writes: Vec<Write> = versions.chain(self.deleting_aliases(caller, &name).await?).collect();
        writes.push(deleting(MACHINES, own, Expect::Any));
        shelf.records.commit(writes).await.map(drop)
    }

    /// The text of a definition.
    pub(super) async fn definition(&self, namespace: &EntityName, digest: &str) -> Result<String> {
        let key = key(namespace, digest);
        let found = self.inner.workflows.shelf.get(DEFINITIONS, &key).await?;
        found
            .map(|kept| kept.value)
            .ok_or_else(|| Error::internal(format!("the definition '{key}' is gone")))
    }

    /// The machine that an ARN names; not one of its versions.
    pub(super) async fn machine(&self, caller: &Identity, arn: &str) -> Result<(Arn, Kept<Machine>)> {
        let arn = Arn::parse(arn, caller, Exception::StateMachineDoesNotExist)?;
        let missing = || Exception::StateMachineDoesNotExist.of(&arn);
        match &arn.named {
            Named::Machine(name) => {
                let found = self.find_machine(caller, name).await?.ok_or_else(missing)?;
                Ok((arn, found))
            }
            Named::Version(..) | Named::Alias(..) => Err(missing()),
            _ => Err(arn.misplaced()),
        }
    }

    pub(super) async fn find_machine(&self, caller: &Identity, name: &str) -> Result<Option<Kept<Machine>>> {
        let key = key(&caller.namespace, name);
        self.inner.workflows.shelf.get(MACHINES, &key).await
    }

    /// The ARN of a machine of the caller's, or of a version or an alias of one: `order`, `order:3`, `order:live`.
    pub fn arn_of_machine(&self, caller: &Identity, name: &str) -> String {
        self.arn(caller, Named::Machine(name.to_owned())).to_string()
    }

    /// The ARN of an execution of the caller's.
    pub fn arn_of_execution(&self, caller: &Identity, machine: &str, name: &str) -> String {
        let named = Named::Execution(machine.to_owned(), name.to_owned());
        self.arn(caller, named).to_string()
    }

    pub(super) fn arn(&self, caller: &Identity, named: Named) -> Arn {
        Arn::new(&self.inner.workflows.settings.region, &caller.namespace, named)
    }

    /// Refuses a definition that is too long or wrong.
    pub(super) fn check_definition(&self, definition: &str, kind: MachineKind) -> Result<()> {
        let most = self.inner.workflows.settings.definition_size;
        if definition.len() > most {
            let message = format!(
                "Invalid State Machine Definition: '{} > {most} bytes'",
                definition.len()
            );
            return Err(Exception::InvalidDefinition
                .says(message)
                .with("limit", "workflows.definition_size"));
        }
        refuse_faults(&validate(definition, kind.into()))
    }
}

/// Refuses what has a fault that forbids storing it.
pub(super) fn refuse_faults(report: &Report) -> Result<()> {
    let faults = report
        .diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Error);
    let faults: Vec<String> = faults
        .map(|found| format!("{}: {} at {}", found.code, found.message, found.place()))
        .collect();
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Exception::InvalidDefinition.of(faults.join(", "))),
    }
}

impl From<MachineKind> for validate::Kind {
    fn from(kind: MachineKind) -> Self {
        match kind {
            MachineKind::Standard => validate::Kind::Standard,
            MachineKind::Express => validate::Kind::Express,
        }
    }
}

/// What the records of a namespace begin with.
pub(super) fn prefix(namespace: &EntityName) -> String {
    format!("{namespace}/")
}

/// The key of a machine or an activity, and what those of its parts begin with.
pub(super) fn key(namespace: &EntityName, name: &str) -> String {
    format!("{namespace}/{name}")
}

pub(super) fn version_key(namespace: &EntityName, machine: &str, number: u64) -> String {
    format!("{namespace}/{machine}/{number:010}")
}

/// The write that keeps a definition under its digest.
fn defining(namespace: &EntityName, definition: &str) -> Result<Write> {
    writing(
        DEFINITIONS,
        key(namespace, &digest(definition)),
        &definition,
        Expect::Any,
    )
}

fn digest(definition: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(definition.as_bytes()))
}

/// The refusal when somebody else has changed the machine meanwhile.
pub(super) fn changed(arn: &Arn) -> Error {
    let message = format!("The state machine '{arn}' was changed by another request at the same time; try again");
    Exception::ConflictException.says(message)
}

/// A random UUID, version 4.
pub(crate) fn uuid() -> String {
    crate::users::new_key().uuid
}

pub(super) fn no_logging() -> Value {
    json!({ "level": "OFF", "includeExecutionData": false })
}

pub(super) fn own_key() -> Value {
    json!({ "type": "AWS_OWNED_KEY" })
}
