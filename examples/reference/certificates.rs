//! The root certificates that Mozilla trusts, as `Cargo.lock` pins them. They are the same on
//! every machine, unlike those of the machine where an image is built.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The length of a line in a PEM file.
const LINE: usize = 64;

/// All certificates in one PEM text.
pub(crate) fn bundle() -> String {
    let certificates = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    certificates.map(|certificate| pem(certificate)).collect()
}

fn pem(certificate: &[u8]) -> String {
    let encoded = STANDARD.encode(certificate);
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for line in encoded.as_bytes().chunks(LINE) {
        text.extend(line.iter().copied().map(char::from));
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
}
