//! Orchestrations by HTTP, as the clients of the Azure Durable Functions packages ask for them (`rpcBaseUrl`), and people.
//!
//! | file | what it does |
//! |---|---|
//! | `routes` | the paths, below a namespace and its key |
//! | `links` | addresses of an instance, and the binding that makes a client |
//! | `instances` | starts, shows, lists, tells, restarts and purges |
//! | `entities` | shows and signals |
//! | `payload` | bodies |

mod entities;
mod instances;
mod links;
mod payload;
mod routes;

pub(crate) use routes::routes;
