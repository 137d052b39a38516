//! Tables of cases that need no execution: `wisp workflow test --choice` and `--validate`.

pub(super) mod choice;
mod rows;
pub(super) mod validate;

use rows::rows;
