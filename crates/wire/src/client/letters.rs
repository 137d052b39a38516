use hyper::Method;
use serde::Deserialize;
use wisp_core::model::{ActivationId, DeadLetter};

use super::{
    Client, Page, Result,
    call::{Call, encode},
};
use crate::document::{LetterDoc, MovedDoc, RedrivenDoc};

/// Dead letters of a namespace: an extension of Wisp.
impl Client {
    /// The dead letters of a namespace, or of one of its rules, the last first.
    pub async fn letters(&self, namespace: &str, rule: Option<&str>, page: Page) -> Result<Vec<DeadLetter>> {
        self.ask(page.ask(self.all_letters(Method::GET, namespace, rule))).await
    }

    /// How many there are.
    pub async fn count_letters(&self, namespace: &str, rule: Option<&str>) -> Result<u64> {
        #[derive(Deserialize)]
        struct Counted {
            dlq: u64,
        }
        let call = self.all_letters(Method::GET, namespace, rule).query("count", true);
        let Counted { dlq } = self.ask(call).await?;
        Ok(dlq)
    }

    /// A dead letter with what it says.
    pub async fn letter(&self, namespace: &str, id: ActivationId) -> Result<LetterDoc> {
        self.ask(self.one_letter(Method::GET, namespace, id)).await
    }

    /// Delivers a dead letter's event again.
    pub async fn redrive(&self, namespace: &str, id: ActivationId) -> Result<RedrivenDoc> {
        self.ask(self.one_letter(Method::POST, namespace, id)).await
    }

    /// Delivers all events again, or those of one rule.
    pub async fn redrive_all(&self, namespace: &str, rule: Option<&str>) -> Result<MovedDoc> {
        self.ask(self.all_letters(Method::POST, namespace, rule)).await
    }

    /// Removes a dead letter.
    pub async fn purge(&self, namespace: &str, id: ActivationId) -> Result<DeadLetter> {
        self.ask(self.one_letter(Method::DELETE, namespace, id)).await
    }

    /// Removes all dead letters, or those of one rule.
    pub async fn purge_all(&self, namespace: &str, rule: Option<&str>) -> Result<MovedDoc> {
        self.ask(self.all_letters(Method::DELETE, namespace, rule)).await
    }

    fn all_letters(&self, method: Method, namespace: &str, rule: Option<&str>) -> Call {
        let call = Call::new(method, self.letters_path(namespace));
        match rule {
            Some(rule) => call.query("rule", rule),
            None => call,
        }
    }

    fn one_letter(&self, method: Method, namespace: &str, id: ActivationId) -> Call {
        Call::new(method, format!("{}/{id}", self.letters_path(namespace)))
    }

    fn letters_path(&self, namespace: &str) -> String {
        format!("{}/namespaces/{}/dlq", self.base_path(), encode(namespace))
    }
}
