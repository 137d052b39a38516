use std::sync::Arc;

use wisp_control::Control;
use wisp_core::ports::Images;

use crate::{Settings, WebSettings};

/// What the routes stand on.
#[derive(Clone)]
pub struct State {
    /// The use cases.
    pub control: Control,
    /// Writes all metrics in Prometheus' text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// The container images of this machine, if it keeps any.
    pub images: Option<Arc<dyn Images>>,
    /// Limits of connections and bodies.
    pub settings: Settings,
    /// Where web actions are.
    pub web: WebSettings,
}
