//! Which addresses a registry may point to: the rule for redirects and token
//! endpoints.
//!
//! A registry names hosts, and this program runs on the user's machine or in a
//! cluster. So a registry could make it contact what the registry cannot reach itself,
//! such as a cloud's metadata service, which issues tokens. The rule applies to the
//! address that is connected to, in any spelling and behind any name.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;

/// How names are resolved, and which addresses registries may point to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressOptions {
    /// Also refuse private addresses unless the registry has one: for a program whose
    /// image names come from someone other than the person who runs it.
    pub refuse_private: bool,
    /// The addresses of hosts (in lower case), which replace the system's resolver.
    pub hosts: BTreeMap<String, Vec<IpAddr>>,
    /// Sockets that forward to another machine, such as local ends of tunnels: they
    /// count as public, whatever their address.
    pub forwarded: Vec<SocketAddr>,
}

/// Where an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum AddressKind {
    /// On the internet.
    #[default]
    Public,
    /// In a private network.
    Private,
    /// On the local link, or the metadata service of a cloud.
    LinkLocal,
    /// On this machine: loopback, or the unspecified address.
    ThisMachine,
    /// A group of hosts.
    Multicast,
}

/// The metadata services of clouds that have no link-local address: Alibaba,
/// Oracle, Azure; Amazon and Google over IPv6.
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

impl AddressKind {
    pub(crate) const COUNT: usize = 5;

    pub(crate) fn from_ip(ip: IpAddr) -> Self {
        if METADATA.contains(&ip) {
            return Self::LinkLocal;
        }
        match ip {
            IpAddr::V4(ip) => Self::from_ipv4(ip),
            IpAddr::V6(ip) => match embedded(ip) {
                Some(ip) => Self::from_ip(IpAddr::V4(ip)),
                None => Self::from_ipv6(ip),
            },
        }
    }

    fn from_ipv4(ip: Ipv4Addr) -> Self {
        match ip.octets() {
            // 0.0.0.0 connects to this machine.
            [0 | 127, ..] => Self::ThisMachine,
            [169, 254, ..] => Self::LinkLocal,
            [224..=239, ..] | [255, 255, 255, 255] => Self::Multicast,
            [10, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            // Carrier-grade NAT, and the Pods and Services of some clouds.
            | [100, 64..=127, ..]
            | [192, 0, 0, _]
            | [198, 18 | 19, ..]
            | [240..=255, ..] => Self::Private,
            _ => Self::Public,
        }
    }

    fn from_ipv6(ip: Ipv6Addr) -> Self {
        match ip.segments()[0] {
            _ if ip.is_loopback() || ip.is_unspecified() => Self::ThisMachine,
            0xff00..=0xffff => Self::Multicast,
            0xfe80..=0xfebf => Self::LinkLocal,
            0xfc00..=0xfdff | 0xfec0..=0xfeff => Self::Private,
            _ => Self::Public,
        }
    }

    /// The words for messages.
    fn words(self) -> &'static str {
        match self {
            Self::Public => "a public address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address or a cloud's metadata service",
            Self::ThisMachine => "this machine",
            Self::Multicast => "a multicast address",
        }
    }
}

/// The IPv4 address embedded in an IPv6 address: mapped, compatible and
/// translated (RFC 4291, RFC 2765), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056)
/// and Teredo (RFC 4380).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    match ip.segments() {
        // `::` and `::1` embed nothing.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => Some(ipv4(high, low)),
        [0x2001, 0, _, _, _, _, high, low] => Some(ipv4(!high, !low)),
        _ => None,
    }
}

fn ipv4(high: u16, low: u16) -> Ipv4Addr {
    let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
    Ipv4Addr::new(a, b, c, d)
}

/// Whether a target that a registry names may be connected to: an address that is not
/// public only if the registry has one of the same kind.
fn may_connect(target: AddressKind, registry: AddressKind, strict: bool) -> bool {
    match target {
        AddressKind::Public => true,
        AddressKind::Private => !strict || registry == AddressKind::Private,
        AddressKind::LinkLocal | AddressKind::ThisMachine => registry == target,
        AddressKind::Multicast => false,
    }
}

/// An address that may not be connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {}", kind.words())]
pub(crate) struct ForbiddenAddress {
    address: IpAddr,
    kind: AddressKind,
}

impl ForbiddenAddress {
    /// Applies the rule to an address of this kind that a registry at an address of
    /// that kind has named. This is the only place that does.
    pub(crate) fn check(
        address: IpAddr,
        kind: AddressKind,
        registry: AddressKind,
        options: &AddressOptions,
    ) -> Result<(), Self> {
        if may_connect(kind, registry, options.refuse_private) {
            return Ok(());
        }
        Err(Self { address, kind })
    }
}

/// The IP address in a URL, if its host is not a name. The URL's parser reads the
/// decimal, octal and hexadecimal spellings of IPv4.
pub(crate) fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_matches(['[', ']']).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::AddressKind::{LinkLocal, Multicast, Private, Public, ThisMachine};
    use super::*;

    #[test]
    fn an_address_has_the_same_kind_in_every_spelling() {
        for (host, expected) in [
            ("127.0.0.1", ThisMachine),
            ("127.255.255.254", ThisMachine),
            ("127.1", ThisMachine),
            ("127.0.0.1.", ThisMachine),
            ("2130706433", ThisMachine),
            ("0x7f000001", ThisMachine),
            ("0x7F.0.0.0x1", ThisMachine),
            ("017700000001", ThisMachine),
            ("0177.0.0.01", ThisMachine),
            ("\u{ff11}\u{ff12}\u{ff17}.0.0.1", ThisMachine),
            ("0.0.0.0", ThisMachine),
            ("0", ThisMachine),
            ("0.1.2.3", ThisMachine),
            ("[::]", ThisMachine),
            ("[::1]", ThisMachine),
            ("[0:0:0:0:0:0:0:1]", ThisMachine),
            ("[::ffff:127.0.0.1]", ThisMachine),
            ("[::ffff:7f00:1]", ThisMachine),
            ("[::ffff:0:127.0.0.1]", ThisMachine),
            ("[::127.0.0.1]", ThisMachine),
            ("[64:ff9b::7f00:1]", ThisMachine),
            ("[64:ff9b:1::127.0.0.1]", ThisMachine),
            ("[2002:7f00:1::]", ThisMachine),
            ("[2001:0:4136:e378:8000:63bf:80ff:fffe]", ThisMachine),
            ("169.254.169.254", LinkLocal),
            ("0xa9fea9fe", LinkLocal),
            ("[::ffff:169.254.169.254]", LinkLocal),
            ("[fe80::1]", LinkLocal),
            ("[febf::1]", LinkLocal),
            ("100.100.100.200", LinkLocal),
            ("[fd00:ec2::254]", LinkLocal),
            ("224.0.0.1", Multicast),
            ("239.255.255.255", Multicast),
            ("255.255.255.255", Multicast),
            ("[ff02::1]", Multicast),
            ("[::ffff:224.0.0.1]", Multicast),
            ("10.0.0.1", Private),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("192.168.1.1", Private),
            ("100.64.0.1", Private),
            ("[fd12::1]", Private),
            ("[fc00::1]", Private),
            ("[64:ff9b::a00:1]", Private),
            ("[2002:c0a8:1::]", Private),
            ("1.1.1.1", Public),
            ("126.255.255.255", Public),
            ("128.0.0.1", Public),
            ("172.32.0.1", Public),
            ("169.253.0.1", Public),
            ("100.128.0.1", Public),
            ("[2606:4700::1111]", Public),
            ("[64:ff9b::101:101]", Public),
            ("[2002:101:101::]", Public),
        ] {
            let url = Url::parse(&format!("https://{host}/")).expect(host);
            let ip = literal(&url).expect(host);
            assert_eq!(AddressKind::from_ip(ip), expected, "{host} {ip}");
        }
        let name = Url::parse("https://localhost/").expect("a URL");
        assert_eq!(literal(&name), None);
    }

    #[test]
    fn a_registry_may_point_only_to_its_own_kind_and_to_public_addresses() {
        let all = [Public, Private, LinkLocal, ThisMachine, Multicast];
        for registry in all {
            for target in all {
                let same = registry == target && target != Multicast;
                let expected = target == Public || same;
                let (loose, strict) = (
                    may_connect(target, registry, false),
                    may_connect(target, registry, true),
                );
                assert_eq!(strict, expected, "{registry:?} {target:?}");
                assert_eq!(
                    loose,
                    expected || target == Private,
                    "{registry:?} {target:?}"
                );
            }
        }
    }
}
