//! Container images: OpenWhisk's HTTP protocol of containers, or any web server, on a port of the sandbox's own loopback
//! interface.
//!
//! `wsk --native` names OpenWhisk's skeleton image, whose only use is to run a program for each activation. Unless an
//! image by that name was imported, a built-in equivalent does.

mod container;
mod exchange;
mod marks;
mod output;
mod plain;
mod reply;
pub mod skeleton;

use std::sync::Arc;

use async_trait::async_trait;
use wisp_core::{
    Code, Error, Result,
    model::Isolation,
    ports::{Instance, InstanceLimits, Kind, Language},
};

use super::{Context, family::Family};
use crate::images::Store;

const FAMILY: &str = "blackbox";

/// Where images have to listen, unless they are plain web servers that go by `PORT`, which says the same.
const PORT: u16 = 8080;

struct Blackbox {
    context: Context,
    images: Option<Store>,
    kinds: Vec<Kind>,
    skeleton: Family,
}

/// Container images, if the platform keeps any.
pub fn register(context: &Context) -> Arc<dyn Language> {
    let kind = |_: &Store| Kind {
        name: FAMILY.into(),
        default: false,
        aliases: Vec::new(),
        requires_main: false,
        provider: "container images: OpenWhisk's HTTP protocol, or a web server".into(),
        levels: vec![Isolation::Oci],
    };
    Arc::new(Blackbox {
        context: context.clone(),
        images: context.images.clone(),
        kinds: context.images.iter().map(kind).collect(),
        skeleton: skeleton::family(context),
    })
}

impl Blackbox {
    fn images(&self) -> Result<&Store> {
        let images = self.images.as_ref();
        images.ok_or_else(|| Error::internal("this platform keeps no container images"))
    }
}

#[async_trait]
impl Language for Blackbox {
    fn family(&self) -> &'static str {
        FAMILY
    }

    fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    async fn start(&self, kind: &Kind, limits: InstanceLimits) -> Result<Box<dyn Instance>> {
        self.skeleton.start(kind, limits).await
    }

    async fn start_image(&self, kind: &Kind, limits: InstanceLimits, image: &str) -> Result<Box<dyn Instance>> {
        let images = self.images()?;
        if skeleton::is_skeleton(image) && !images.has(image) {
            return self.start(kind, limits).await;
        }
        let stored = images.ensure(image).await.map_err(|error| {
            Error::new(Code::Image, format!("Failed to pull container image '{image}'.")).because(error)
        })?;
        container::start(&self.context, images.config(), image, stored, limits).await
    }
}
