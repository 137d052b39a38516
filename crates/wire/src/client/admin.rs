use hyper::Method;
use wisp_core::{model::NamespaceLimits, ports::Image};

use super::{
    Client, Result,
    call::{Call, encode},
};
use crate::document::{ImageImport, ImagePull, UserDoc, UserPut};

/// The routes of the admin socket. The socket's file mode says who may call: there is no key.
impl Client {
    /// Makes a subject, or gives it one more namespace. The reply shows the new key, once.
    pub async fn create_user(&self, user: &UserPut) -> Result<UserDoc> {
        self.ask(Call::new(Method::POST, "/admin/users").json(user)?).await
    }

    /// All subjects.
    pub async fn users(&self) -> Result<Vec<UserDoc>> {
        self.ask(Call::new(Method::GET, "/admin/users")).await
    }

    /// One subject.
    pub async fn user(&self, subject: &str) -> Result<UserDoc> {
        self.ask(Call::new(Method::GET, user_path(subject))).await
    }

    /// Deletes a subject and its keys.
    pub async fn delete_user(&self, subject: &str) -> Result<UserDoc> {
        self.ask(Call::new(Method::DELETE, user_path(subject))).await
    }

    /// Refuses a subject's keys, or accepts them again.
    pub async fn block_user(&self, subject: &str, blocked: bool) -> Result<UserDoc> {
        let verb = if blocked { "block" } else { "unblock" };
        self.ask(Call::new(Method::POST, format!("{}/{verb}", user_path(subject))))
            .await
    }

    /// The limits of a namespace that differ from the platform's.
    pub async fn namespace_limits(&self, namespace: &str) -> Result<NamespaceLimits> {
        self.ask(Call::new(Method::GET, limits_path(namespace))).await
    }

    /// Sets the limits of a namespace; absent ones are the platform's.
    pub async fn set_namespace_limits(&self, namespace: &str, limits: &NamespaceLimits) -> Result<NamespaceLimits> {
        self.ask(Call::new(Method::PUT, limits_path(namespace)).json(limits)?)
            .await
    }

    /// All container images.
    pub async fn images(&self) -> Result<Vec<Image>> {
        self.ask(Call::new(Method::GET, "/admin/images")).await
    }

    /// One container image.
    pub async fn image(&self, name: &str) -> Result<Image> {
        self.ask(Call::new(Method::GET, image_path(name))).await
    }

    /// Takes a container image's name away.
    pub async fn delete_image(&self, name: &str) -> Result<Image> {
        self.ask(Call::new(Method::DELETE, image_path(name))).await
    }

    /// Fetches a container image.
    pub async fn pull_image(&self, pull: &ImagePull) -> Result<Image> {
        self.ask(Call::new(Method::POST, "/admin/images/pull").json(pull)?)
            .await
    }

    /// Takes container images from a file.
    pub async fn import_image(&self, import: &ImageImport) -> Result<Vec<Image>> {
        self.ask(Call::new(Method::POST, "/admin/images/import").json(import)?)
            .await
    }
}

fn image_path(name: &str) -> String {
    format!("/admin/images/{}", encode(name))
}

fn user_path(subject: &str) -> String {
    format!("/admin/users/{}", encode(subject))
}

fn limits_path(namespace: &str) -> String {
    format!("/admin/namespaces/{}/limits", encode(namespace))
}
