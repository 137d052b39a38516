use serde::{Deserialize, Serialize};

/// What clients of AWS's protocols sign requests with.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsDoc {
    /// Names the key.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// The region in ARNs.
    pub region: String,
    /// The namespace's account number in ARNs.
    pub account: String,
}
