use percent_encoding::percent_decode_str;
use wisp_core::{
    Code, Error, Result,
    model::{EntityName, Fqn},
};

use super::project::Extension;
use crate::failure::nothing;

/// What a path below `/api/v1/web/` names.
#[derive(Debug, PartialEq)]
pub(super) struct Address {
    pub name: Fqn,
    pub extension: Extension,
    /// What follows the action, as it was sent: empty, or begins with a slash.
    pub rest: String,
}

impl Address {
    /// Reads `{namespace}/{package or default}/{action}[.extension][/rest]`.
    pub fn parse(path: &str) -> Result<Self> {
        let mut segments = path.splitn(4, '/');
        let (Some(namespace), Some(package), Some(action)) = (segments.next(), segments.next(), segments.next()) else {
            return Err(nothing());
        };
        let (action, extension) = Extension::split(action);
        let package = match decoded(package)?.as_str() {
            "default" => None,
            package => Some(package.parse().map_err(absent)?),
        };
        Ok(Self {
            name: Fqn::new(
                EntityName::namespace(&decoded(namespace)?).map_err(absent)?,
                package,
                decoded(action)?.parse().map_err(absent)?,
            ),
            extension,
            rest: segments.next().map(|rest| format!("/{rest}")).unwrap_or_default(),
        })
    }
}

/// A name that no action can have.
fn absent(error: Error) -> Error {
    Error::new(Code::NotFound, "The requested resource does not exist.").because(error)
}

fn decoded(segment: &str) -> Result<String> {
    let text = percent_decode_str(segment).decode_utf8();
    text.map(String::from)
        .map_err(|error| absent(Error::bad_request("a path must be UTF-8").because(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_an_action_an_extension_and_the_rest() {
        for (path, name, extension, rest) in [
            ("guest/default/a", "guest/a", Extension::Http, ""),
            ("guest/default/a.json", "guest/a", Extension::Json, ""),
            ("guest/p/a.html/", "guest/p/a", Extension::Html, "/"),
            ("guest/p/a.svg/x/y.z", "guest/p/a", Extension::Svg, "/x/y.z"),
            ("guest/p/a.b.text", "guest/p/a.b", Extension::Text, ""),
            ("guest/p/a.pdf", "guest/p/a.pdf", Extension::Http, ""),
            ("a%40b/p/a%20b/%2F", "a@b/p/a b", Extension::Http, "/%2F"),
        ] {
            let address = Address::parse(path).unwrap();
            assert_eq!(
                (
                    address.name.to_string().as_str(),
                    address.extension,
                    address.rest.as_str()
                ),
                (name, extension, rest)
            );
        }
        for path in [
            "",
            "guest",
            "guest/default",
            "guest/default/",
            "guest//a",
            "guest/p/.json",
            "guest/p/%ff",
        ] {
            assert_eq!(
                Address::parse(path).map_err(|error| error.code()),
                Err(Code::NotFound),
                "{path}"
            );
        }
    }
}
