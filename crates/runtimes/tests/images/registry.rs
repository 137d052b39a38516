//! Pulls from a real registry on the loopback interface: Debian's `docker-registry`.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use wisp_core::{Code, ports::Images};
use wisp_runtimes::{images::Config, languages};

use super::{
    fixture::{Entry, archive, blobs, digest, index, runtime},
    support::Platform,
};

/// Base64 of `ada:secret`, and what `htpasswd` makes of it.
const AUTH: &str = "YWRhOnNlY3JldA==";
const HTPASSWD: &str = include_str!("htpasswd");

struct Registry {
    process: Child,
    folder: TempDir,
    address: String,
}

impl Registry {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .to_string();
        let root = folder.path().display();
        fs::write(folder.path().join("htpasswd"), HTPASSWD).unwrap();
        let config = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {root}/data\nhttp:\n  addr: {address}\n\
             auth:\n  htpasswd:\n    realm: test\n    path: {root}/htpasswd\nlog:\n  level: error\n"
        );
        fs::write(folder.path().join("config.yml"), config).unwrap();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(folder.path().join("config.yml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry is installed");
        let begun = Instant::now();
        while TcpStream::connect(&address).is_err() {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "the registry does not listen"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Self {
            process,
            folder,
            address,
        }
    }

    /// Puts an image with these layers, for several machines, under a name; returns where its blobs are.
    fn push(&self, name: &str, layers: &[Vec<u8>]) {
        let blobs = blobs(layers);
        let (manifest, parts) = blobs.split_last().unwrap();
        for (digest, blob) in parts {
            let begun = self.ask("POST", &format!("/v2/{name}/blobs/uploads/"), "", b"");
            let place = begun
                .lines()
                .find_map(|line| line.strip_prefix("Location: "))
                .unwrap_or_else(|| panic!("{begun}"));
            let place = place.split_once(&self.address).map_or(place, |(_, path)| path);
            let join = if place.contains('?') { '&' } else { '?' };
            let put = self.ask(
                "PUT",
                &format!("{place}{join}digest={digest}"),
                "application/octet-stream",
                blob,
            );
            assert!(put.starts_with("HTTP/1.1 201"), "{put}");
        }
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let put = self.ask(
            "PUT",
            &format!("/v2/{name}/manifests/{}", manifest.0),
            kind,
            &manifest.1,
        );
        assert!(put.starts_with("HTTP/1.1 201"), "{put}");
        let index = self.filtered(&index(manifest));
        let put = self.ask(
            "PUT",
            &format!("/v2/{name}/manifests/1"),
            "application/vnd.oci.image.index.v1+json",
            &index,
        );
        assert!(put.starts_with("HTTP/1.1 201"), "{put}");
    }

    /// The registry refuses an index that names what it does not have.
    fn filtered(&self, index: &[u8]) -> Vec<u8> {
        let mut index: serde_json::Value = serde_json::from_slice(index).unwrap();
        index["manifests"]
            .as_array_mut()
            .unwrap()
            .retain(|entry| entry["platform"]["architecture"] != "s390x");
        index.to_string().into_bytes()
    }

    fn ask(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Basic {AUTH}\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            body.len()
        )
        .unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn platform(&self, auth: &str) -> Platform {
        let docker = self.folder.path().join("docker.json");
        fs::write(
            &docker,
            format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, self.address),
        )
        .unwrap();
        let config = Config {
            insecure: vec![self.address.clone()],
            docker_config: Some(docker),
            ..Config::default()
        };
        Platform::with_images(languages::Config::default(), config)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_pulled_with_credentials_and_only_its_new_layers_again() {
    let registry = Registry::start();
    let top = archive(&[("top", Entry::File(b"1"))]);
    registry.push("team/app", &[runtime(), top.clone()]);
    let platform = registry.platform(AUTH);
    let name = format!("{}/team/app:1", registry.address);
    let first = platform.images.pull(&name).await.unwrap();
    assert_eq!(first.layers.len(), 2);
    assert_eq!(format!("sha256:{}", first.layers[1]), digest(&top));
    let held = platform.images.ensure(&name).await.unwrap();
    assert_eq!(fs::read_to_string(held.root().layers[1].join("top")).unwrap(), "1");
    registry.push("team/app", &[runtime(), archive(&[("top", Entry::File(b"2"))])]);
    assert_eq!(
        platform.images.ensure(&name).await.unwrap().id,
        held.id,
        "nobody asked for another"
    );
    let second = platform.images.pull(&name).await.unwrap();
    assert_eq!(second.layers[0], first.layers[0]);
    assert_ne!(second.layers[1], first.layers[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_registry_does_not_give_is_told() {
    let registry = Registry::start();
    registry.push("app", &[runtime()]);
    let name = format!("{}/app:1", registry.address);
    let error = registry.platform("YWRhOndyb25n").images.pull(&name).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound, "{error}");
    let platform = registry.platform(AUTH);
    let missing = platform
        .images
        .pull(&format!("{}/nothere:1", registry.address))
        .await
        .unwrap_err();
    assert_eq!(missing.code(), Code::NotFound, "{missing}");
    let only = Config {
        registries: vec!["docker.io".into()],
        ..Config::default()
    };
    let platform = Platform::with_images(languages::Config::default(), only);
    assert_eq!(platform.images.pull(&name).await.unwrap_err().code(), Code::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_with_another_digest_is_refused() {
    let registry = Registry::start();
    let layers = [runtime()];
    registry.push("app", &layers);
    let layer = &blobs(&layers)[0].0;
    let digits = layer.strip_prefix("sha256:").unwrap();
    let place = format!("data/docker/registry/v2/blobs/sha256/{}/{digits}/data", &digits[..2]);
    let place = registry.folder.path().join(place);
    let mut bytes = fs::read(&place).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&place, bytes).unwrap();
    let platform = registry.platform(AUTH);
    let error = platform
        .images
        .pull(&format!("{}/app:1", registry.address))
        .await
        .unwrap_err();
    assert!(error.message().contains("igest"), "{error}");
    assert!(platform.images.list().await.unwrap().is_empty());
}
