use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use wisp_core::{
    Code, Error, Result,
    ports::{Blobs, Clock, Mount, Sandbox},
};

use super::{Config, imports::Imports, requirements::Layers};
use crate::{
    code::{self, make_directories},
    images::Store,
};

/// What languages need of the rest of the platform.
#[derive(Clone)]
pub struct Context {
    pub(super) sandbox: Arc<dyn Sandbox>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) code: Arc<code::Cache>,
    pub(super) compiled: Arc<code::Compiled>,
    pub(super) config: Arc<Config>,
    pub(super) launchers: PathBuf,
    pub(super) node_modules: PathBuf,
    pub(super) interpreters: PathBuf,
    pub(super) images: Option<Store>,
    pub(super) workerd: PathBuf,
    pub(super) sockets: PathBuf,
    pub(super) python_packages: PathBuf,
    pub(super) imports: Arc<Imports>,
    pub(super) machine_code: PathBuf,
    pub(super) secret: [u8; 32],
    pub(super) layers: Arc<Layers>,
}

impl Context {
    /// Languages that start their instances in `sandbox` and keep launchers and unpacked code in the directory `data`.
    pub fn new(
        sandbox: Arc<dyn Sandbox>,
        blobs: Arc<dyn Blobs>,
        clock: Arc<dyn Clock>,
        data: PathBuf,
        config: Config,
        code: code::Config,
    ) -> Result<Self> {
        let launchers = data.join("launchers");
        let node_modules = config.node_modules.clone().unwrap_or_else(|| data.join("node_modules"));
        let workerd = config.workerd.clone().unwrap_or_else(|| data.join("workerd"));
        let interpreters = data.join("interpreters");
        let sockets = data.join("sockets");
        let python_packages = config.python_packages.clone();
        let python_packages = python_packages.unwrap_or_else(|| data.join("python_packages"));
        let config = Arc::new(config);
        let learnt = data.join("imports");
        let imports = Imports::open(learnt.clone(), config.learnt_imports).map_err(|error| {
            let place = learnt.display();
            Error::new(
                Code::Storage,
                format!("What functions import cannot be kept in {place}."),
            )
            .because(error)
        })?;
        let imports = Arc::new(imports);
        let place = data.join("compiled");
        let compiled = code::Compiled::open(place.clone(), code.clone()).map_err(|error| {
            Error::new(
                Code::Storage,
                format!("Compiled code cannot be kept in {}.", place.display()),
            )
            .because(error)
        })?;
        let code = Arc::new(code::Cache::open(blobs, data.join("code"), code)?);
        Ok(Self {
            sandbox,
            clock,
            code,
            compiled: Arc::new(compiled),
            layers: Arc::new(Layers::new(data.join("requirements"), config.clone())),
            config,
            launchers,
            node_modules,
            interpreters,
            images: None,
            workerd,
            sockets,
            python_packages,
            imports,
            machine_code: data.join("wasm"),
            secret: rand::random(),
        })
    }

    /// With these container images; without, there are none.
    pub fn with_images(self, images: Store) -> Self {
        Self {
            images: Some(images),
            ..self
        }
    }

    /// Authenticates what is kept on disk with a secret that outlives this process; without one, what an earlier process
    /// left there is not believed.
    #[must_use]
    pub fn with_secret(self, secret: [u8; 32]) -> Self {
        Self { secret, ..self }
    }

    /// Writes a family's launcher where sandboxes can mount it; returns the mount.
    pub(super) fn install(&self, family: &str, files: &[(&str, &str)]) -> Result<Mount> {
        let directory = self.launchers.join(family);
        let write = || {
            make_directories(&directory)?;
            files
                .iter()
                .try_for_each(|(name, text)| put(&directory.join(name), text))
        };
        write().map_err(|error| {
            let place = directory.display();
            Error::new(
                Code::Storage,
                format!("The launcher of {family} cannot be written to {place}."),
            )
            .because(error)
        })?;
        Ok(Mount {
            source: directory,
            target: PathBuf::from("/wisp").join(family),
        })
    }
}

/// Writes a file unless it is there already; whoever reads it meanwhile sees the old one or the new one, whole.
fn put(path: &Path, text: &str) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    if fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let new = path.with_extension(format!("{}-{number}.new", std::process::id()));
    fs::write(&new, text)?;
    fs::set_permissions(&new, Permissions::from_mode(0o644))?;
    fs::rename(new, path)
}
