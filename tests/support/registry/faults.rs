//! Faulty responses.

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use serde_json::json;

use super::{Fault, Logged};

impl Fault {
    /// The faulty response; `None` if the correct response is only modified.
    pub(super) fn instead(&self, request: &Logged, gzip: bool) -> Option<Response> {
        let status = |code: u16| StatusCode::from_u16(code).expect("status");
        let zeros = || Bytes::from(vec![0; 64 * 1024]);
        Some(match self {
            Self::Status(code) => status(*code).into_response(),
            Self::RetryAfter(code, seconds) => {
                (status(*code), [(header::RETRY_AFTER, seconds.to_string())]).into_response()
            }
            Self::RetryWhen(code, when) => {
                (status(*code), [(header::RETRY_AFTER, when.clone())]).into_response()
            }
            Self::Body(text) => ([(header::CONTENT_TYPE, "text/html")], *text).into_response(),
            Self::Error(code, error) => {
                let errors = json!({"errors": [{"code": error, "message": "refused"}]});
                (status(*code), errors.to_string()).into_response()
            }
            Self::Moved(code, target) => {
                (status(*code), [(header::LOCATION, target.clone())]).into_response()
            }
            Self::Challenge(code, challenge) => {
                let challenge = [(header::WWW_AUTHENTICATE, challenge.clone())];
                (status(*code), challenge).into_response()
            }
            Self::Page(code, usize::MAX) => {
                let mut endless = Self::Endless.instead(request, gzip)?;
                *endless.status_mut() = status(*code);
                endless
            }
            Self::Page(code, length) => (status(*code), "x".repeat(*length)).into_response(),
            Self::Stalled(code) => {
                let begin = futures_util::stream::iter([Ok(Bytes::from_static(b"<html>"))]);
                let stop = futures_util::stream::pending::<Result<_, std::io::Error>>();
                let page = futures_util::StreamExt::chain(begin, stop);
                (status(*code), Body::from_stream(page)).into_response()
            }
            Self::Endless => Body::from_stream(futures_util::stream::repeat_with(move || {
                Ok::<_, std::io::Error>(zeros())
            }))
            .into_response(),
            Self::Announced(length) => {
                let body = Body::from_stream(futures_util::stream::repeat_with(move || {
                    Ok::<_, std::io::Error>(zeros())
                }));
                ([(header::CONTENT_LENGTH, length.to_string())], body).into_response()
            }
            Self::GzipBomb(size) => {
                assert!(gzip, "nobody asked for gzip");
                let zeros = std::io::Read::take(std::io::repeat(0), *size as u64);
                let mut encoder = flate2::read::GzEncoder::new(zeros, flate2::Compression::fast());
                let mut packed = Vec::new();
                std::io::Read::read_to_end(&mut encoder, &mut packed).expect("gzip");
                ([(header::CONTENT_ENCODING, "gzip")], packed).into_response()
            }
            Self::Reset => {
                let broken = futures_util::stream::iter([
                    Ok(Bytes::from_static(b"{\"tags\":[")),
                    Err(std::io::Error::other("reset")),
                ]);
                Body::from_stream(broken).into_response()
            }
            Self::Redirect(base) => {
                let target = base.strip_suffix('!').map_or_else(
                    || format!("{base}{}?signature=abc", request.path),
                    str::to_owned,
                );
                let page = "x".repeat(5000);
                (status(307), [(header::LOCATION, target)], page).into_response()
            }
            Self::Slow(_) | Self::Crowded(..) | Self::Link(_) | Self::NoDigest | Self::Tampered => {
                return None;
            }
        })
    }
}
