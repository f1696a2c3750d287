//! Which addresses a registry may lead us to: the one rule for redirects and
//! token endpoints.
//!
//! A registry names hosts, and we stand where it does not: on the user's machine
//! or in a cluster. So it could have us ask what it cannot reach itself, as a
//! cloud's metadata service, which gives out tokens. What counts is the address
//! that is connected to, however it is spelled and whatever name stood for it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;

/// What names resolve to, and where registries may lead.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressOptions {
    /// Refuse private addresses, too, unless the registry has one: for a program
    /// whose images are named by others than who runs it.
    pub refuse_private: bool,
    /// The addresses of hosts, in lower case, instead of what the system's
    /// resolver says.
    pub hosts: BTreeMap<String, Vec<IpAddr>>,
    /// Sockets that lead to another machine, as the near ends of tunnels do:
    /// they count as public, whatever their address.
    pub forwarded: Vec<SocketAddr>,
}

/// Where an address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum AddressKind {
    /// Anywhere.
    #[default]
    Public,
    /// Into the network that we are in.
    Private,
    /// To a neighbour on the wire, or to the metadata service of a cloud.
    LinkLocal,
    /// To ourselves: loopback, or no address at all.
    ThisMachine,
    /// To many.
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
            // A connection to 0.0.0.0 is one to ourselves.
            [0 | 127, ..] => Self::ThisMachine,
            [169, 254, ..] => Self::LinkLocal,
            [224..=239, ..] | [255, 255, 255, 255] => Self::Multicast,
            [10, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            // Carriers, and the Pods and Services of some clouds.
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

    /// As messages say it.
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

/// The IPv4 address for which an IPv6 address stands: mapped, compatible and
/// translated (RFC 4291, RFC 2765), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056)
/// and Teredo (RFC 4380).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        Ipv4Addr::new(a, b, c, d)
    };
    match ip.segments() {
        // `::` and `::1` stand for themselves.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => Some(v4(high, low)),
        [0x2001, 0, _, _, _, _, high, low] => Some(v4(!high, !low)),
        _ => None,
    }
}

/// Whether what a registry names may be connected to: an address that is not
/// public only where the registry has one of that kind itself.
fn may_connect(target: AddressKind, registry: AddressKind, strict: bool) -> bool {
    match target {
        AddressKind::Public => true,
        AddressKind::Private => !strict || registry == AddressKind::Private,
        AddressKind::LinkLocal | AddressKind::ThisMachine => registry == target,
        AddressKind::Multicast => false,
    }
}

/// A target that is not connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {}", kind.words())]
pub(crate) struct ForbiddenAddress {
    address: IpAddr,
    kind: AddressKind,
}

impl ForbiddenAddress {
    /// The one place where the rule is applied: to an address of this kind, that
    /// a registry of that kind has named.
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

/// The address that a URL has instead of a host's name. The decimal, octal and
/// hexadecimal spellings of IPv4 are read by the URL's parser.
pub(crate) fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_matches(['[', ']']).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::AddressKind::{LinkLocal, Multicast, Private, Public, ThisMachine};
    use super::*;

    #[test]
    fn an_address_is_what_it_leads_to_however_it_is_spelled() {
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
    fn a_registry_leads_only_to_its_own_kind_and_to_the_public() {
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
