use wisp_core::ports::{Feed, FeedParameter};

const SECRET: FeedParameter = FeedParameter {
    name: "secret",
    description: "What the sender signs with, or sends along",
    required: true,
    secret: true,
};

const fn optional(name: &'static str, description: &'static str) -> FeedParameter {
    FeedParameter {
        name,
        description,
        required: false,
        secret: false,
    }
}

/// The feeds of webhooks.
pub(super) const FEEDS: &[Feed] = &[
    Feed {
        package: "webhook",
        name: "github",
        description: "Fires a trigger for each delivery of a webhook of GitHub",
        parameters: &[SECRET],
    },
    Feed {
        package: "webhook",
        name: "gitlab",
        description: "Fires a trigger for each delivery of a webhook of GitLab",
        parameters: &[SECRET],
    },
    Feed {
        package: "webhook",
        name: "stripe",
        description: "Fires a trigger for each delivery of a webhook endpoint of Stripe",
        parameters: &[SECRET, optional("tolerance", "Seconds that a signature is valid; 300")],
    },
    Feed {
        package: "webhook",
        name: "generic",
        description: "Fires a trigger for each request that is signed with an HMAC of its body",
        parameters: &[
            SECRET,
            optional("header", "The header with the signature; x-signature"),
            optional("algorithm", "sha256, sha512 or sha1; sha256"),
            optional("encoding", "hex or base64; hex"),
            optional("prefix", "What stands before the signature, such as sha256="),
            optional(
                "idHeader",
                "The header that names a delivery; without it, its body does",
            ),
        ],
    },
];
