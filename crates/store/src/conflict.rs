use wisp_core::{
    Code, Error, Result,
    ports::{Expect, Revision, Write},
};

/// Holds a write's expectation against the revision of the record as it stands.
pub(crate) fn expect(write: &Write, present: Option<Revision>) -> Result<()> {
    let wanted = match (write.expect, present) {
        (Expect::Any, _) | (Expect::Absent, None) => return Ok(()),
        (Expect::At(wanted), Some(present)) if wanted == present => return Ok(()),
        (Expect::Absent, _) => "none".to_owned(),
        (Expect::At(Revision(wanted)), _) => format!("revision {wanted}"),
    };
    let found = present.map_or("none".to_owned(), |Revision(found)| format!("revision {found}"));
    let (table, key) = (write.table, &write.key);
    Err(Error::new(
        Code::Conflict,
        format!("'{key}' in {table} changed meanwhile: expected {wanted}, found {found}"),
    ))
}

/// Refuses a turn of an execution that does not follow the last one.
pub(crate) fn follow(execution: &str, after: u64, turns: u64) -> Result<()> {
    if after == turns {
        return Ok(());
    }
    let message = format!("'{execution}' changed meanwhile: a turn after {after} came when there were {turns}");
    Err(Error::new(Code::Conflict, message))
}
