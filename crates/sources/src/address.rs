use percent_encoding::percent_decode_str;
use url::Url;
use wisp_core::{Error, Result};

use crate::{Config, reach};

/// Where a server is, and who comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub host: String,
    pub port: u16,
    /// Whether it is reached by TLS.
    pub tls: bool,
    pub user: Option<String>,
    pub password: Option<String>,
    /// What follows the host, without the slash.
    pub path: String,
}

impl Address {
    /// Reads `scheme://[user:password@]host[:port][/path]`. Each scheme has its usual port, and whether it is TLS.
    pub fn read(text: &str, schemes: &[(&str, u16, bool)], config: &Config) -> Result<Self> {
        let (known, ..) = schemes.first().copied().unwrap_or_default();
        let wrong = || {
            Error::bad_request(format!(
                "the url parameter is not like {known}://[user:password@]host[:port]"
            ))
        };
        let url = Url::parse(text).map_err(|error| wrong().because(error))?;
        let scheme = schemes.iter().find(|(scheme, ..)| *scheme == url.scheme());
        let (&(_, usual, tls), Some(host)) = (scheme.ok_or_else(wrong)?, url.host_str()) else {
            return Err(wrong());
        };
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let address = Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(usual),
            tls,
            user: Some(plain(url.username())).filter(|user| !user.is_empty()),
            password: url.password().map(plain),
            path: plain(url.path().trim_start_matches('/')),
        };
        reach::check(config, format_args!("{}:{}", address.host, address.port))?;
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_who() {
        let read = |text| {
            Address::read(
                text,
                &[("mqtt", 1883, false), ("mqtts", 8883, true)],
                &Config::default(),
            )
        };
        let address = read("mqtts://me:p%40ss@broker/a%2Fb").unwrap();
        assert_eq!(
            (address.host.as_str(), address.port, address.tls),
            ("broker", 8883, true)
        );
        assert_eq!(
            (address.user.as_deref(), address.password.as_deref()),
            (Some("me"), Some("p@ss"))
        );
        assert_eq!(address.path, "a/b");
        let address = read("mqtt://[::1]:7").unwrap();
        assert_eq!((address.host.as_str(), address.port, address.user), ("::1", 7, None));
        for wrong in ["http://broker", "broker:1883", "mqtt://", ""] {
            assert!(read(wrong).unwrap_err().message().contains("mqtt://"), "{wrong}");
        }
    }
}
