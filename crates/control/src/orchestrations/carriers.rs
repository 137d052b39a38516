use std::{collections::BTreeMap, sync::Arc};

use super::Carrier;
use crate::hosted;

/// Who carries out the work of hubs that do not wait for workers, by the names of the hubs.
pub(super) fn carriers() -> BTreeMap<&'static str, Arc<dyn Carrier>> {
    [(hosted::HUB, Arc::new(hosted::Actions) as Arc<dyn Carrier>)].into()
}
