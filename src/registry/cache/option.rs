//! The value of `--cache`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::backend::CacheBackend;
use super::owner::Sharing;

/// The default port of memcached.
const DEFAULT_PORT: u16 = 11211;

const SCHEME: &str = "memcached://";

/// Where metadata is kept between runs: the value of `--cache`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CacheOption {
    /// A file in the user's cache directory.
    #[default]
    Auto,
    /// No cache.
    Off,
    /// A file in this directory.
    Directory(PathBuf),
    /// These memcached servers, at least one.
    Memcached(Vec<Server>),
}

/// The address of a memcached server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    /// A host name or an IP address; IPv6 without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Why a value of `--cache` is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CacheOptionError {
    /// The value is empty.
    #[error("expected auto, off, a directory or memcached://HOST:PORT,…")]
    Empty,
    /// There is no server, or nothing between two commas.
    #[error("a server is missing; write memcached://HOST:PORT,HOST:PORT")]
    NoServer,
    /// The address of a server is not valid.
    #[error("{0:?} is not a valid server; write HOST, HOST:PORT or [IPV6]:PORT")]
    Server(String),
    /// A user name or a password is given. The message does not repeat it.
    #[error("memcached servers are used without a user name and password; remove them")]
    Credentials,
    /// A server is listed twice.
    #[error("the server {0} is listed twice")]
    Twice(Server),
    /// The scheme is unknown or misspelled.
    #[error("{0:?} is not a supported cache; write memcached://HOST:PORT,… or ./DIR")]
    Scheme(String),
}

impl CacheOption {
    /// What keeps the values.
    pub(crate) fn backend(&self) -> Option<CacheBackend> {
        match self {
            Self::Off => None,
            Self::Auto | Self::Directory(_) => Some(CacheBackend::File),
            Self::Memcached(_) => Some(CacheBackend::Memcached),
        }
    }

    /// Who may write to the cache file: a group only if the user has named the
    /// directory.
    pub(crate) fn sharing(&self) -> Sharing {
        match self {
            Self::Directory(_) => Sharing::Group,
            Self::Auto | Self::Off | Self::Memcached(_) => Sharing::Nobody,
        }
    }
}

impl FromStr for CacheOption {
    type Err = CacheOptionError;

    /// Parses `auto`, `off`, `DIR` or `memcached://HOST:PORT,HOST:PORT`. A
    /// directory named `off` is written `./off`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" => return Err(CacheOptionError::Empty),
            "auto" => return Ok(Self::Auto),
            "off" => return Ok(Self::Off),
            _ => {}
        }
        if let Some(list) = text.strip_prefix(SCHEME) {
            return servers(list).map(Self::Memcached);
        }
        match text.split_once("://") {
            Some((scheme, _)) => Err(CacheOptionError::Scheme(format!("{scheme}://"))),
            None => Ok(Self::Directory(PathBuf::from(text))),
        }
    }
}

fn servers(list: &str) -> Result<Vec<Server>, CacheOptionError> {
    if list.contains('@') {
        return Err(CacheOptionError::Credentials);
    }
    let mut servers: Vec<Server> = Vec::new();
    for word in list.strip_suffix('/').unwrap_or(list).split(',') {
        let server: Server = word.parse()?;
        if servers.contains(&server) {
            return Err(CacheOptionError::Twice(server));
        }
        servers.push(server);
    }
    Ok(servers)
}

impl FromStr for Server {
    type Err = CacheOptionError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        if word.is_empty() {
            return Err(CacheOptionError::NoServer);
        }
        let invalid = || CacheOptionError::Server(word.to_owned());
        let (host, port) = match word.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(invalid)?;
                if host.parse::<std::net::Ipv6Addr>().is_err() {
                    return Err(invalid());
                }
                match port {
                    "" => (host, None),
                    _ => (host, Some(port.strip_prefix(':').ok_or_else(invalid)?)),
                }
            }
            None => match word.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (word, None),
            },
        };
        if host.is_empty() || !host.chars().all(is_host_char) {
            return Err(invalid());
        }
        let port = match port {
            None => DEFAULT_PORT,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| invalid())?
            }
            Some(_) => return Err(invalid()),
        };
        if port == 0 {
            return Err(invalid());
        }
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port,
        })
    }
}

fn is_host_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':')
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for CacheOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Off => f.write_str("off"),
            Self::Directory(directory) => match directory.to_str() {
                Some(word @ ("auto" | "off")) => write!(f, "./{word}"),
                _ => write!(f, "{}", directory.display()),
            },
            Self::Memcached(servers) => {
                let names: Vec<String> = servers.iter().map(ToString::to_string).collect();
                write!(f, "{SCHEME}{}", names.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_option_round_trips_through_its_text() {
        for (text, written) in [
            ("auto", "auto"),
            ("off", "off"),
            ("./off", "./off"),
            ("/var/cache/imgpolicy", "/var/cache/imgpolicy"),
            ("cache", "cache"),
            ("a:b", "a:b"),
            ("memcached://cache", "memcached://cache:11211"),
            ("memcached://Cache:11212/", "memcached://cache:11212"),
            ("memcached://[::1]:7", "memcached://[::1]:7"),
            (
                "memcached://[::1],10.0.0.1,m_2.x",
                "memcached://[::1]:11211,10.0.0.1:11211,m_2.x:11211",
            ),
        ] {
            let option: CacheOption = text.parse().expect(text);
            assert_eq!(option.to_string(), written);
            assert_eq!(written.parse(), Ok(option));
        }
    }

    #[test]
    fn directory_named_like_a_keyword_is_printed_with_a_dot() {
        let option = CacheOption::Directory("off".into());
        assert_eq!(option.to_string(), "./off");
    }

    #[test]
    fn invalid_cache_options_name_the_mistake() {
        for (text, message) in [
            ("", "expected auto"),
            ("memcached://", "a server is missing"),
            ("memcached://a,,b", "a server is missing"),
            ("memcached://a:0", "\"a:0\" is not a valid server"),
            ("memcached://a:70000", "\"a:70000\" is not a valid server"),
            ("memcached://a:+1", "\"a:+1\" is not a valid server"),
            ("memcached://a:", "\"a:\" is not a valid server"),
            ("memcached://:1", "\":1\" is not a valid server"),
            ("memcached://::1", "\"::1\" is not a valid server"),
            ("memcached://[::1", "\"[::1\" is not a valid server"),
            ("memcached://[a]:1", "\"[a]:1\" is not a valid server"),
            ("memcached://[::1]1", "\"[::1]1\" is not a valid server"),
            ("memcached://a b", "\"a b\" is not a valid server"),
            (
                "memcached://a,a:11211",
                "the server a:11211 is listed twice",
            ),
            ("redis://a", "\"redis://\" is not a supported cache"),
        ] {
            let error = text.parse::<CacheOption>().expect_err(text);
            assert!(error.to_string().contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn error_does_not_repeat_the_password() {
        let error = "memcached://user:hunter2@a".parse::<CacheOption>();
        let error = error.expect_err("refused").to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
