//! A certificate authority for tests, and the certificates that it signs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Shared;
use super::crowd::{Counted, CrowdListener};

/// A new certificate authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A server certificate with its key, and the protocols that the server offers.
pub struct Certificate {
    chain: rcgen::Certificate,
    key: KeyPair,
    protocols: Vec<Vec<u8>>,
    /// The authority of the certificates that clients must have, if they need one.
    clients: Option<rcgen::Certificate>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    /// The certificate for `--registry-ca`.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A valid certificate for a host, with HTTP/2 and HTTP/1.1.
    pub fn certify(&self, host: &str) -> Certificate {
        self.sign(host, 4000)
    }

    /// An expired certificate for a host.
    pub fn certify_expired(&self, host: &str) -> Certificate {
        self.sign(host, 2001)
    }

    fn sign(&self, host: &str, until: i32) -> Certificate {
        let mut params = CertificateParams::new([host.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("a key");
        Certificate {
            chain: params.signed_by(&key, &self.0).expect("a certificate"),
            key,
            protocols: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            clients: None,
        }
    }
}

impl Certificate {
    /// Requires a certificate of this authority from clients.
    pub fn requiring(mut self, clients: &Authority) -> Self {
        self.clients = Some(clients.0.as_ref().clone());
        self
    }

    /// The certificate and its key, for a client.
    pub fn pem(&self) -> (String, String) {
        (self.chain.pem(), self.key.serialize_pem())
    }

    /// Removes HTTP/2 from the offered protocols.
    pub fn without_http2(mut self) -> Self {
        self.protocols.retain(|protocol| protocol != b"h2");
        self
    }

    fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        let Some(clients) = &self.clients else {
            return WebPkiClientVerifier::no_client_auth();
        };
        let mut roots = RootCertStore::empty();
        roots.add(clients.der().clone()).expect("an authority");
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), ring)
            .build()
            .expect("a verifier")
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::Pkcs8(self.key.serialize_der().into());
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(self.verifier())
            .with_single_cert(vec![self.chain.der().clone()], key)
            .expect("a certificate");
        config.alpn_protocols.clone_from(&self.protocols);
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A listener for connections over TLS. Other connections are dropped.
pub(super) struct TlsListener {
    tcp: CrowdListener,
    acceptor: TlsAcceptor,
    shared: Arc<Shared>,
}

impl TlsListener {
    pub(super) fn new(tcp: CrowdListener, acceptor: TlsAcceptor, shared: Arc<Shared>) -> Self {
        Self {
            tcp,
            acceptor,
            shared,
        }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<Counted>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (tcp, address) = self.tcp.accept().await;
            if let Ok(tls) = self.acceptor.accept(tcp).await {
                self.shared.connections.fetch_add(1, Ordering::Relaxed);
                return (tls, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
