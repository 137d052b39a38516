use wisp_core::model::{EntityName, Fqn};
use wisp_wire::client::Place;

use super::Usage;

/// The entity that a name means: `name`, `package/name`, `/namespace/name`, `/namespace/package/name`. Without a
/// namespace it is in `namespace`.
pub fn entity(name: &str, namespace: &str) -> anyhow::Result<Fqn> {
    let resolved = EntityName::namespace(namespace).and_then(|caller| Fqn::resolve(name, &caller));
    resolved.map_err(|error| Usage(format!("'{name}' is not a valid qualified name: {error}")).into())
}

/// Where a list is wanted: nothing is `namespace`, `/ns` a namespace, `name` or `/ns/name` a package of one.
pub fn place(text: Option<&str>, namespace: &str) -> anyhow::Result<Place> {
    let place = |namespace: &str, package: Option<&str>| Place {
        namespace: namespace.to_owned(),
        package: package.map(str::to_owned),
    };
    let Some(text) = text else {
        return Ok(place(namespace, None));
    };
    let segments: Vec<&str> = text.trim_end_matches('/').split('/').collect();
    match segments.as_slice() {
        ["", namespace] => Ok(place(namespace, None)),
        ["", namespace, package] => Ok(place(namespace, Some(package))),
        [package] => Ok(place(namespace, Some(package))),
        _ => Err(Usage(format!(
            "'{text}' is neither a namespace (/name) nor a package (name, /namespace/name)"
        ))
        .into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn places_are_read_as_wsk_does() {
        for (text, expected) in [
            (None, ("_", None)),
            (Some("/ns"), ("ns", None)),
            (Some("/ns/"), ("ns", None)),
            (Some("/_"), ("_", None)),
            (Some("pkg"), ("_", Some("pkg"))),
            (Some("/ns/pkg"), ("ns", Some("pkg"))),
        ] {
            let place = place(text, "_").unwrap();
            assert_eq!(
                (place.namespace.as_str(), place.package.as_deref()),
                expected,
                "{text:?}"
            );
        }
        assert!(place(Some("/a/b/c"), "_").is_err());
    }
}
