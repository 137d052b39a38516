use rand::{RngExt, distr::Alphanumeric};
use wisp_core::{
    Code, Error, Result,
    model::{ApiKey, EntityName, NamespaceLimits, Right, Subject, SubjectNamespace},
    ports::{Expect, Revision, Table, Write},
};

use crate::{
    authenticate::{KEYS, SECRET_LENGTH, SUBJECTS, decode, secret_digest},
    control::Control,
};

/// The subject that owns a namespace.
pub(crate) const NAMESPACES: Table = "namespaces";

/// Shortest name of a subject, in characters.
const SUBJECT_LENGTH: usize = 5;

impl Control {
    /// Creates a subject with a namespace, or gives another namespace to one that exists. The key is a random one
    /// unless it is given, and is not stored: this is the only time that it can be seen.
    pub async fn create_user(
        &self,
        subject: &str,
        namespace: Option<EntityName>,
        key: Option<ApiKey>,
    ) -> Result<(Subject, ApiKey)> {
        check_subject(subject)?;
        let namespace = namespace.map_or_else(|| EntityName::namespace(subject), Ok)?;
        let key = key.unwrap_or_else(new_key);
        check_key(&key)?;
        let (expect, mut user) = match self.find_user(subject).await? {
            Some((revision, user)) => (Expect::At(revision), user),
            None => (Expect::Absent, blank(subject)),
        };
        if self
            .inner
            .subjects
            .records
            .get(NAMESPACES, namespace.as_str())
            .await?
            .is_some()
        {
            let message = format!("The namespace '{namespace}' exists already.");
            return Err(Error::new(Code::Conflict, message).with("remedy", "choose another name for the namespace"));
        }
        user.namespaces.push(SubjectNamespace {
            name: namespace.clone(),
            uuid: key.uuid.clone(),
            secret_sha256: secret_digest(&key.secret),
            limits: NamespaceLimits::default(),
        });
        let owner = |table, name: &str| Write {
            table,
            key: name.to_owned(),
            value: Some(subject.to_owned().into()),
            expect: Expect::Absent,
        };
        let writes = vec![
            writing(&user, expect)?,
            owner(KEYS, &key.uuid),
            owner(NAMESPACES, namespace.as_str()),
        ];
        self.inner.subjects.records.commit(writes).await?;
        self.inner.subjects.forget(&user).await;
        Ok((user, key))
    }

    /// All subjects, by name.
    pub async fn list_users(&self) -> Result<Vec<Subject>> {
        self.inner
            .subjects
            .records
            .scan(SUBJECTS, "")
            .await?
            .iter()
            .map(|record| decode(&record.value))
            .collect()
    }

    /// A subject.
    pub async fn get_user(&self, subject: &str) -> Result<Subject> {
        self.find_user(subject)
            .await?
            .map(|(_, user)| user)
            .ok_or_else(|| unknown("subject", subject))
    }

    /// Refuses a subject's keys from now on, or accepts them again.
    pub async fn block_user(&self, subject: &str, blocked: bool) -> Result<Subject> {
        self.change_user(subject, |user| user.blocked = blocked).await
    }

    /// Deletes a subject and its keys. What is in its namespaces stays, for whoever gets them next.
    pub async fn delete_user(&self, subject: &str) -> Result<Subject> {
        let (revision, user) = self
            .find_user(subject)
            .await?
            .ok_or_else(|| unknown("subject", subject))?;
        let deleting = |table, key: &str, expect| Write {
            table,
            key: key.to_owned(),
            value: None,
            expect,
        };
        let mut writes = vec![deleting(SUBJECTS, subject, Expect::At(revision))];
        for namespace in &user.namespaces {
            writes.push(deleting(KEYS, &namespace.uuid, Expect::Any));
            writes.push(deleting(NAMESPACES, namespace.name.as_str(), Expect::Any));
        }
        self.inner.subjects.records.commit(writes).await?;
        self.inner.subjects.forget(&user).await;
        Ok(user)
    }

    /// The limits of a namespace that differ from the platform's.
    pub async fn namespace_limits(&self, namespace: &EntityName) -> Result<NamespaceLimits> {
        let owner = self.get_user(&self.owner_of(namespace).await?).await?;
        let own = owner.namespaces.into_iter().find(|own| own.name == *namespace);
        own.map(|own| own.limits)
            .ok_or_else(|| unknown("namespace", namespace.as_str()))
    }

    /// The subject that owns a namespace.
    async fn owner_of(&self, namespace: &EntityName) -> Result<String> {
        let owner = self.inner.subjects.records.get(NAMESPACES, namespace.as_str()).await?;
        let owner = owner.ok_or_else(|| unknown("namespace", namespace.as_str()))?;
        Ok(String::from_utf8_lossy(&owner.value).into_owned())
    }

    /// Replaces the limits of a namespace that differ from the platform's.
    pub async fn set_namespace_limits(&self, namespace: &EntityName, limits: NamespaceLimits) -> Result<Subject> {
        self.change_user(&self.owner_of(namespace).await?, |user| {
            for own in user.namespaces.iter_mut().filter(|own| own.name == *namespace) {
                own.limits = limits.clone();
            }
        })
        .await
    }

    async fn find_user(&self, subject: &str) -> Result<Option<(Revision, Subject)>> {
        let record = self.inner.subjects.records.get(SUBJECTS, subject).await?;
        record
            .map(|record| Ok((record.revision, decode(&record.value)?)))
            .transpose()
    }

    async fn change_user(&self, subject: &str, change: impl FnOnce(&mut Subject)) -> Result<Subject> {
        let (revision, mut user) = self
            .find_user(subject)
            .await?
            .ok_or_else(|| unknown("subject", subject))?;
        change(&mut user);
        self.inner
            .subjects
            .records
            .commit(vec![writing(&user, Expect::At(revision))?])
            .await?;
        self.inner.subjects.forget(&user).await;
        Ok(user)
    }
}

fn blank(subject: &str) -> Subject {
    Subject {
        name: subject.to_owned(),
        blocked: false,
        rights: Right::ALL.to_vec(),
        namespaces: Vec::new(),
    }
}

fn writing(user: &Subject, expect: Expect) -> Result<Write> {
    let text = serde_json::to_vec(user);
    let text = text.map_err(|error| Error::internal("a subject cannot be encoded").because(error))?;
    Ok(Write {
        table: SUBJECTS,
        key: user.name.clone(),
        value: Some(text.into()),
        expect,
    })
}

fn check_subject(subject: &str) -> Result<()> {
    if subject.chars().count() < SUBJECT_LENGTH {
        return Err(Error::bad_request(format!(
            "'{subject}' is too short for a subject: expected {SUBJECT_LENGTH} characters or more"
        )));
    }
    Ok(())
}

fn check_key(key: &ApiKey) -> Result<()> {
    if key.uuid.is_empty() || key.uuid.contains(':') || key.secret.len() != SECRET_LENGTH {
        return Err(Error::bad_request(format!(
            "the key is not valid: expected uuid:secret with a secret of {SECRET_LENGTH} characters"
        )));
    }
    Ok(())
}

/// A random UUID (version 4) and 64 random letters and digits.
pub(crate) fn new_key() -> ApiKey {
    let bits: u128 = rand::random();
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let digits = format!("{bits:032x}");
    let uuid = [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ]
    .join("-");
    let secret = rand::rng()
        .sample_iter(Alphanumeric)
        .take(SECRET_LENGTH)
        .map(char::from)
        .collect();
    ApiKey { uuid, secret }
}

fn unknown(what: &str, name: &str) -> Error {
    Error::new(Code::NotFound, format!("There is no {what} '{name}'."))
        .with("remedy", "`wisp user list` shows them all")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_keys_are_well_formed_and_differ() {
        let (one, other) = (new_key(), new_key());
        assert!(check_key(&one).is_ok());
        assert_ne!(one.secret, other.secret);
        assert_eq!(one.uuid.len(), 36);
        assert_eq!(
            (
                &one.uuid[14..15],
                one.uuid[19..20].parse::<char>().is_ok_and(|c| "89ab".contains(c))
            ),
            ("4", true)
        );
    }
}
