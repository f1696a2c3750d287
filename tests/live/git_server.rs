//! A server of Git repositories on loopback: `git http-backend` behind an HTTP server, and
//! archives of a branch, as Flux's source-controller serves them.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::test_registry::server_thread::{ServerThread, listen};

/// The largest request and archive, in bytes.
const MAX_BYTES: usize = 64 << 20;

/// A bare repository, `fleet.git`, with the branch `main`.
pub(crate) struct GitServer {
    folder: TempDir,
    address: SocketAddr,
    _server: ServerThread,
}

impl GitServer {
    /// Starts the server with an empty repository.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let bare = folder.path().join("fleet.git");
        fs::create_dir_all(&bare).expect("a folder");
        fs::create_dir_all(folder.path().join("archives")).expect("a folder");
        git(
            &bare,
            &["init", "--quiet", "--bare", "--initial-branch=main"],
        );
        git(&bare, &["config", "http.receivepack", "true"]);
        let (listener, address) = listen();
        let root = Arc::new(folder.path().to_owned());
        let router = Router::new().fallback(answer).with_state(root);
        let server = ServerThread::start(listener, async |listener| {
            axum::serve(listener, router)
                .await
                .expect("the server runs");
        });
        Self {
            folder,
            address,
            _server: server,
        }
    }

    /// The URL of the repository.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/fleet.git", self.address)
    }

    /// Clones the repository into a new folder, with the identity of a user.
    pub(crate) fn clone_for(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        git(
            self.folder.path(),
            &[
                "clone",
                "--quiet",
                &self.url(),
                &folder.display().to_string(),
            ],
        );
        git(&folder, &["config", "user.name", name]);
        git(&folder, &["config", "user.email", "ada@example.com"]);
        folder
    }

    /// The commit of the branch.
    pub(crate) fn head(&self) -> String {
        git(
            &self.folder.path().join("fleet.git"),
            &["rev-parse", "main"],
        )
    }

    /// Serves an archive of the branch, and returns what Flux's source-controller writes to the
    /// status of a GitRepository.
    pub(crate) fn artifact(&self) -> Value {
        let bare = self.folder.path().join("fleet.git");
        let commit = self.head();
        let file = format!("{commit}.tar.gz");
        let path = self.folder.path().join("archives").join(&file);
        let output = format!("--output={}", path.display());
        git(&bare, &["archive", "--format=tar.gz", &output, "main"]);
        let bytes = fs::read(&path).expect("an archive");
        let hex: String = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        json!({"path": format!("archives/{file}"),
            "url": format!("http://{}/archives/{file}", self.address),
            "revision": format!("main@sha1:{commit}"), "digest": format!("sha256:{hex}"),
            "size": bytes.len(), "lastUpdateTime": "2026-01-01T00:00:00Z"})
    }
}

/// Runs git without any configuration of this machine, and returns its output.
pub(crate) fn git(folder: &Path, words: &[&str]) -> String {
    let output = std::process::Command::new("git")
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .expect("git runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {words:?}: {errors}");
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

async fn answer(State(root): State<Arc<PathBuf>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    if path.starts_with("/archives/") && !path.contains("..") {
        return match fs::read(root.join(path.trim_start_matches('/'))) {
            Ok(bytes) => bytes.into_response(),
            Err(_) => StatusCode::NOT_FOUND.into_response(),
        };
    }
    let body = axum::body::to_bytes(body, MAX_BYTES).await;
    let body = body.expect("a request of this size");
    backend(&root, &parts.method, &parts.uri, &parts.headers, &body).await
}

/// Passes a request to `git http-backend`, which speaks CGI.
async fn backend(
    root: &Path,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> Response {
    let mut command = Command::new("git");
    command
        .arg("http-backend")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", uri.path())
        .env("QUERY_STRING", uri.query().unwrap_or_default())
        .env("REQUEST_METHOD", method.as_str())
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("REMOTE_USER", "git");
    for (variable, header) in [
        ("CONTENT_TYPE", "content-type"),
        ("HTTP_CONTENT_ENCODING", "content-encoding"),
        ("GIT_PROTOCOL", "git-protocol"),
    ] {
        if let Some(value) = headers.get(header).and_then(|value| value.to_str().ok()) {
            command.env(variable, value);
        }
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git runs");
    let mut input = child.stdin.take().expect("a pipe");
    let body = body.clone();
    let writer = tokio::spawn(async move {
        // The backend may end before it reads everything.
        let _ = input.write_all(&body).await;
    });
    let output = child.wait_with_output().await.expect("git ends").stdout;
    writer.await.expect("written");
    response(&output)
}

/// A response from the output of a CGI program.
fn response(output: &[u8]) -> Response {
    let end = output.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let end = end.expect("the backend answers");
    let head = String::from_utf8_lossy(&output[..end]);
    let mut response = Response::builder();
    for line in head.lines() {
        let (name, value) = line.split_once(": ").expect("a header");
        response = if name == "Status" {
            response.status(value.split(' ').next().unwrap_or_default())
        } else {
            response.header(name, value)
        };
    }
    let body = Body::from(output[end + 4..].to_vec());
    response.body(body).expect("a response")
}
