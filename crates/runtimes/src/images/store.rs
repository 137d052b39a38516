use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    str::FromStr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use oci_client::Reference;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use wisp_core::{
    Code, Error, Result,
    ports::{Clock, Image, ImageRoot, Images, ImportOptions},
};

use super::{
    Config, Pull,
    expand::{expand, storage},
    import, layer,
    manifest::Configuration,
    pull, users,
};
use crate::code::make_directories;

const NAMES: &str = "names.json";

/// The images of this machine, in a directory of their own. Cloning shares it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    config: Config,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// One pull of a name at a time: the others wait for it and find its image.
    pulls: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    count: AtomicU64,
}

#[derive(Default)]
struct State {
    names: BTreeMap<String, String>,
    images: HashMap<String, Arc<Stored>>,
    /// Deleted images, of which some may still run.
    leaving: Vec<Arc<Stored>>,
    /// How many images are being added: their layers belong to none yet.
    adding: usize,
}

/// An image with its layers, as it is kept. They stay while somebody holds this.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stored {
    /// Digest of its configuration.
    pub id: String,
    /// Its layers; the lowest first.
    pub layers: Vec<Layer>,
    /// How it runs.
    pub(super) configuration: Configuration,
    /// Who it runs as.
    user: (u32, u32),
    /// That user's home directory.
    home: String,
    #[serde(skip)]
    directory: PathBuf,
}

/// An unpacked layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Digest of its uncompressed archive.
    pub digest: String,
    /// Bytes of its files.
    pub size: u64,
}

impl Store {
    /// Opens the images in a directory; what an earlier process did not finish there is removed.
    pub fn open(directory: PathBuf, config: Config, clock: Arc<dyn Clock>) -> Result<Self> {
        let partial = directory.join("partial");
        let prepare = || match fs::remove_dir_all(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => ["layers", "images", "partial"]
                .iter()
                .try_for_each(|name| make_directories(&directory.join(name))),
        };
        prepare().map_err(storage)?;
        let state = Mutex::new(read(&directory)?);
        let store = Self(Arc::new(Inner {
            directory,
            config,
            clock,
            state,
            pulls: Mutex::default(),
            count: AtomicU64::new(0),
        }));
        store.sweep();
        Ok(store)
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// The image of a name, fetched if the settings say so.
    pub async fn ensure(&self, name: &str) -> Result<Arc<Stored>> {
        let full = full(name)?;
        match (self.config().pull, self.find(&full)) {
            (Pull::Missing | Pull::Never, Some(image)) => Ok(image),
            (Pull::Never, None) => Err(missing(name)),
            (Pull::Always, known) => match self.fetch(&full).await {
                Err(error) if known.is_some() => {
                    tracing::warn!(image = full, %error, "the registry was not asked; the image at hand runs");
                    known.ok_or(error)
                }
                fetched => fetched,
            },
            (Pull::Missing, None) => self.fetch(&full).await,
        }
    }

    /// Whether there is an image by this name.
    pub fn has(&self, name: &str) -> bool {
        full(name).is_ok_and(|full| self.find(&full).is_some())
    }

    fn find(&self, full: &str) -> Option<Arc<Stored>> {
        let state = self.state();
        state.images.get(state.names.get(full)?).cloned()
    }

    /// Fetches an image; those who ask for the same one meanwhile get it too.
    async fn fetch(&self, full: &str) -> Result<Arc<Stored>> {
        let before = self.find(full);
        let turn = self.pulls().entry(full.to_owned()).or_default().clone();
        let fetched = {
            let _turn = turn.lock().await;
            match (before, self.find(full)) {
                (None, Some(image)) => Ok(image),
                _ => self.pull_now(full).await,
            }
        };
        let mut pulls = self.pulls();
        if pulls.get(full).is_some_and(|turn| Arc::strong_count(turn) <= 2) {
            pulls.remove(full);
        }
        fetched
    }

    async fn pull_now(&self, full: &str) -> Result<Arc<Stored>> {
        let _adding = self.adding();
        let most = std::time::Duration::from_secs(self.config().pull_timeout);
        tokio::select! {
            pulled = pull::pull(self, full) => pulled,
            () = self.0.clock.sleep(most) => Err(Error::new(
                Code::Unavailable,
                format!("The image '{full}' did not arrive within {} s.", most.as_secs()),
            )
            .with("setting", "images.pull_timeout")),
        }
    }

    /// Keeps layers that belong to no image yet.
    fn adding(&self) -> Adding<'_> {
        self.state().adding += 1;
        Adding(self)
    }

    /// Whether a layer is there already.
    pub(super) fn layer(&self, digest: &str) -> Option<Layer> {
        let state = self.state();
        let layers = state.images.values().flat_map(|image| &image.layers);
        layers.into_iter().find(|layer| layer.digest == digest).cloned()
    }

    /// Unpacks a layer from its archive, compressed or not; `expected` is its digest, if that is known.
    pub(super) fn add_layer(&self, archive: impl Read, expected: Option<&str>) -> Result<Layer> {
        if let Some(layer) = expected.and_then(|digest| self.layer(digest)) {
            return Ok(layer);
        }
        let mut spool = self.spool()?;
        let digest = expand(archive, &mut spool, self.config().layer_size)?;
        if let Some(expected) = expected.filter(|expected| **expected != digest) {
            return Err(Error::bad_request(format!(
                "A layer of the image is not what its configuration says: its digest is sha256:{digest}, not \
                 sha256:{expected}."
            )));
        }
        let directory = self.partial();
        make_directories(&directory).map_err(storage)?;
        let unpacked = layer::unpack(&mut spool, &directory, self.config());
        let kept = unpacked.and_then(|size| {
            let layer = Layer { digest, size };
            self.check_room(size)?;
            self.keep(&directory, &layer)?;
            Ok(layer)
        });
        if directory.exists() {
            remove(&directory);
        }
        kept
    }

    /// Puts an unpacked layer in its place, unless somebody else did meanwhile.
    fn keep(&self, directory: &Path, layer: &Layer) -> Result<()> {
        let place = self.0.directory.join("layers").join(&layer.digest);
        let whole = File::open(directory).map_err(storage)?;
        rustix::fs::syncfs(&whole).map_err(|error| storage(error.into()))?;
        match fs::rename(directory, &place) {
            Err(_) if place.is_dir() => Ok(()),
            renamed => renamed.map_err(storage),
        }
    }

    fn check_room(&self, size: u64) -> Result<()> {
        let state = self.state();
        let layers: HashMap<&str, u64> = state
            .images
            .values()
            .flat_map(|image| image.layers.iter().map(|layer| (layer.digest.as_str(), layer.size)))
            .collect();
        let (used, most) = (layers.values().sum::<u64>() + size, self.config().store_size);
        if used <= most {
            return Ok(());
        }
        Err(Error::new(
            Code::TooLarge,
            format!(
                "All images together would have {used} bytes; {most} are allowed: delete some (`wisp image delete`)."
            ),
        )
        .with("setting", "images.store_size"))
    }

    /// A file that has no name and goes when it is closed.
    pub(super) fn spool(&self) -> Result<File> {
        let path = self.partial();
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let file = file.map_err(storage)?;
        fs::remove_file(&path).map_err(storage)?;
        Ok(file)
    }

    fn partial(&self) -> PathBuf {
        let number = self.0.count.fetch_add(1, Ordering::Relaxed);
        self.0.directory.join("partial").join(number.to_string())
    }

    /// Stores an image whose layers are there, under these names.
    pub(super) fn commit(
        &self,
        id: &str,
        configuration: Configuration,
        mut layers: Vec<Layer>,
        names: &[String],
    ) -> Result<Arc<Stored>> {
        if layers.is_empty() {
            layers.push(self.add_layer(io::empty(), None)?);
        }
        self.check(&layers)?;
        let paths = paths(&self.0.directory, &layers);
        let wanted = configuration.config.clone().unwrap_or_default().user;
        let user = users::find(&paths, &wanted.unwrap_or_default())?;
        let stored = Arc::new(Stored {
            id: id.to_owned(),
            layers,
            configuration,
            user: (user.user, user.group),
            home: user.home,
            directory: self.0.directory.clone(),
        });
        let mut state = self.state();
        let record = serde_json::to_vec(&*stored).map_err(|error| storage(error.into()))?;
        write(&image_path(&self.0.directory, id), &record)?;
        for name in names {
            state.names.insert(name.clone(), id.to_owned());
        }
        state.images.insert(id.to_owned(), stored.clone());
        self.write_names(&state)?;
        self.forget(&mut state);
        Ok(stored)
    }

    fn check(&self, layers: &[Layer]) -> Result<()> {
        let (size, limits) = (layers.iter().map(|layer| layer.size).sum::<u64>(), self.config());
        if layers.len() > limits.layers {
            let (count, most) = (layers.len(), limits.layers);
            let message = format!("The image has {count} layers; {most} are allowed.");
            return Err(Error::new(Code::TooLarge, message).with("setting", "images.layers"));
        }
        if size > limits.image_size {
            let most = limits.image_size;
            let message = format!("The image has {size} bytes; {most} are allowed.");
            return Err(Error::new(Code::TooLarge, message).with("setting", "images.image_size"));
        }
        Ok(())
    }

    fn write_names(&self, state: &State) -> Result<()> {
        let names = serde_json::to_vec_pretty(&state.names).map_err(|error| storage(error.into()))?;
        write(&self.0.directory.join(NAMES), &names)
    }

    /// Lets go of the images that have no name any more.
    fn forget(&self, state: &mut State) {
        let named: HashSet<&String> = state.names.values().collect();
        let gone: Vec<String> = state.images.keys().filter(|id| !named.contains(id)).cloned().collect();
        for id in gone {
            state.leaving.extend(state.images.remove(&id));
            // A record without a name is removed at the next start.
            let _ = fs::remove_file(image_path(&self.0.directory, &id));
        }
    }

    /// Removes the layers that no image needs any more.
    fn sweep(&self) {
        let mut state = self.state();
        state.leaving.retain(|image| Arc::strong_count(image) > 1);
        if state.adding > 0 {
            return;
        }
        let needed = state.images.values().chain(&state.leaving);
        let needed: HashSet<&str> = needed
            .flat_map(|image| image.layers.iter().map(|layer| layer.digest.as_str()))
            .collect();
        let layers = fs::read_dir(self.0.directory.join("layers")).into_iter().flatten();
        for layer in layers.filter_map(|entry| entry.ok()) {
            if !layer.file_name().to_str().is_some_and(|name| needed.contains(name)) {
                remove(&layer.path());
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pulls(&self) -> MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<()>>>> {
        self.0.pulls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn describe(&self, image: &Stored) -> Image {
        let state = self.state();
        let names = state.names.iter().filter(|(_, id)| **id == image.id);
        let execution = image.configuration.config.clone().unwrap_or_default();
        Image {
            names: names.map(|(name, _)| name.clone()).collect(),
            id: image.id.clone(),
            size: image.layers.iter().map(|layer| layer.size).sum(),
            layers: image.layers.iter().map(|layer| layer.digest.clone()).collect(),
            command: image.configuration.command(),
            environment: execution.env.unwrap_or_default(),
            directory: execution.working_dir.unwrap_or_default(),
            user: execution.user.unwrap_or_default(),
        }
    }
}

impl Stored {
    /// Its files as a root.
    pub fn root(&self) -> ImageRoot {
        ImageRoot {
            layers: paths(&self.directory, &self.layers),
            user: self.user.0,
            group: self.user.1,
        }
    }

    /// What it starts, arguments included.
    pub fn command(&self) -> Vec<String> {
        self.configuration.command()
    }

    /// Its environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        let pairs = self.configuration.config.clone().unwrap_or_default().env;
        let pairs = pairs.unwrap_or_default().into_iter();
        pairs
            .filter_map(|pair| pair.split_once('=').map(|(name, value)| (name.into(), value.into())))
            .collect()
    }

    /// Its working directory.
    pub fn working_directory(&self) -> PathBuf {
        let directory = self.configuration.config.clone().unwrap_or_default().working_dir;
        Path::new("/").join(directory.unwrap_or_default())
    }

    /// Its user's home directory.
    pub fn home(&self) -> &str {
        &self.home
    }
}

/// Ends with the adding of an image, however that went.
struct Adding<'a>(&'a Store);

impl Drop for Adding<'_> {
    fn drop(&mut self) {
        self.0.state().adding -= 1;
        self.0.sweep();
    }
}

#[async_trait]
impl Images for Store {
    async fn list(&self) -> Result<Vec<Image>> {
        let images: Vec<_> = self.state().images.values().cloned().collect();
        let mut images: Vec<_> = images.iter().map(|image| self.describe(image)).collect();
        images.sort_by(|a, b| a.names.cmp(&b.names));
        Ok(images)
    }

    async fn get(&self, name: &str) -> Result<Image> {
        let image = self.find(&full(name)?).ok_or_else(|| missing(name))?;
        Ok(self.describe(&image))
    }

    async fn delete(&self, name: &str) -> Result<Image> {
        let full = full(name)?;
        let image = self.get(name).await?;
        {
            let mut state = self.state();
            state.names.remove(&full);
            self.write_names(&state)?;
            self.forget(&mut state);
        }
        self.sweep();
        Ok(image)
    }

    async fn pull(&self, name: &str) -> Result<Image> {
        let full = full(name)?;
        let image = self.pull_now(&full).await?;
        Ok(self.describe(&image))
    }

    async fn import(&self, path: &Path, options: &ImportOptions) -> Result<Vec<Image>> {
        let (store, path, options) = (self.clone(), path.to_owned(), options.clone());
        let work = move || {
            let _adding = store.adding();
            import::import(&store, &path, &options)
        };
        let imported = spawn_blocking(work).await;
        let imported =
            imported.map_err(|error| Error::internal("Importing an image was cut off.").because(error))??;
        Ok(imported.iter().map(|image| self.describe(image)).collect())
    }
}

/// A name with registry and tag: `hello` is `docker.io/library/hello:latest`.
pub fn full(name: &str) -> Result<String> {
    let reference = Reference::from_str(name);
    let reference = reference.map_err(|error| Error::bad_request("could not parse image name").because(error))?;
    Ok(reference.whole())
}

fn missing(name: &str) -> Error {
    Error::new(
        Code::NotFound,
        format!("There is no image '{name}' here: pull it (`wisp image pull`), or import it (`wisp image import`)."),
    )
}

fn image_path(directory: &Path, id: &str) -> PathBuf {
    directory.join("images").join(format!("{id}.json"))
}

fn paths(directory: &Path, layers: &[Layer]) -> Vec<PathBuf> {
    let all = directory.join("layers");
    layers.iter().map(|layer| all.join(&layer.digest)).collect()
}

/// What is stored in a directory; images without a name are left out.
fn read(directory: &Path) -> Result<State> {
    let mut state = State::default();
    let names = match fs::read(directory.join(NAMES)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(state),
        Err(error) => return Err(storage(error)),
    };
    let damaged = |what: &Path, error: serde_json::Error| {
        Error::new(Code::Corrupted, format!("{} cannot be read.", what.display())).because(error)
    };
    state.names = serde_json::from_slice(&names).map_err(|error| damaged(&directory.join(NAMES), error))?;
    for id in state.names.values() {
        let path = image_path(directory, id);
        let bytes = fs::read(&path).map_err(storage)?;
        let mut stored: Stored = serde_json::from_slice(&bytes).map_err(|error| damaged(&path, error))?;
        stored.directory = directory.to_owned();
        state.images.insert(id.clone(), Arc::new(stored));
    }
    Ok(state)
}

/// Writes a file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> io::Result<()> {
        let partial = path.with_extension("partial");
        let mut file = File::create(&partial)?;
        io::Write::write_all(&mut file, bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
    };
    write().map_err(storage)
}

fn remove(directory: &Path) {
    if let Err(error) = fs::remove_dir_all(directory) {
        tracing::warn!(directory = %directory.display(), %error, "a layer could not be removed");
    }
}
