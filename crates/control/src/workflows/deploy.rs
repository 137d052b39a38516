use wisp_core::{
    Result,
    model::{Identity, Right},
};

use super::{
    Change, Described, Draft, Exception, MachineKind,
    arn::{Named, check_name},
};
use crate::{control::Control, resolve::require};

impl Control {
    /// Creates a machine, or changes the definition of one that is there if it may be overwritten. How it runs stays; it is
    /// Standard unless a new one is to be something else.
    pub async fn deploy_machine(
        &self,
        caller: &Identity,
        draft: Draft,
        kind: Option<MachineKind>,
        overwrite: bool,
    ) -> Result<Described> {
        require(caller, Right::Put)?;
        check_name(&draft.name)?;
        let arn = self.arn(caller, Named::Machine(draft.name.clone()));
        let Some(known) = self.find_machine(caller, &draft.name).await? else {
            let kind = kind.unwrap_or_default();
            self.create_machine(caller, Draft { kind, ..draft }).await?;
            return self.described(caller, &arn).await;
        };
        if !overwrite {
            return Err(Exception::StateMachineAlreadyExists.of(arn));
        }
        if let Some(kind) = kind.filter(|kind| *kind != known.value.kind) {
            let message = format!("'{arn}' is no {kind:?} machine; delete it first if it is to be one");
            return Err(Exception::ConflictException.says(message));
        }
        let change = Change {
            definition: Some(draft.definition),
            publish: draft.publish,
            version_description: draft.version_description,
            ..Change::default()
        };
        self.update_machine(caller, &arn.to_string(), change).await?;
        self.described(caller, &arn).await
    }
}
