use wisp_core::model::Activation;

/// The names by which a record is found: its simple name and, when it is of an action in a package, `package/name`,
/// which only its `path` tells.
pub(crate) fn names(activation: &Activation) -> Vec<String> {
    let simple = activation.name.to_string();
    let path = activation.annotations.get("path").and_then(|path| path.as_str());
    let segments: Vec<&str> = path.map(|path| path.split('/').collect()).unwrap_or_default();
    match segments.as_slice() {
        [_, package, name] => vec![simple, format!("{package}/{name}")],
        _ => vec![simple],
    }
}
