//! The Step Functions API: AWS's JSON 1.0 protocol over the use cases of workflows, so that its clients work as they are.
//!
//! Every request is `POST /` with `X-Amz-Target: AWSStepFunctions.OPERATION`.
//!
//! | file | what it does |
//! |---|---|
//! | `serve` | the story: who calls, which operation, its answer or refusal |
//! | `signature` | Signature Version 4: reads it, and holds it against the request |
//! | `caller` | who calls: by signature, or by the namespace's key as everywhere else |
//! | `refusal` | errors as the protocol shows them |
//! | `operations` | the operations, by what they are about |

mod caller;
mod operations;
mod refusal;
mod serve;
mod signature;

pub(crate) use serve::serve;
