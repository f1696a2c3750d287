//! Serves repositories over HTTP with git's own CGI program, `git http-backend`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The user name and the password of the server, in Base64: `ada:secret-of-ada`.
const LOGIN: &str = "Basic YWRhOnNlY3JldC1vZi1hZGE=";

/// A server on loopback. Its thread ends with the process.
#[derive(Debug)]
pub struct GitServer {
    port: u16,
    state: Arc<ServerState>,
}

#[derive(Debug, Default)]
struct ServerState {
    needs_login: bool,
    /// Whether the login is no longer valid for a push.
    refuses_pushes: AtomicBool,
    /// The first lines of all requests.
    lines: Mutex<Vec<String>>,
}

impl GitServer {
    /// Serves the repositories in a folder to everybody, or only with the login.
    pub fn start(folder: &Path, needs_login: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(ServerState {
            needs_login,
            ..ServerState::default()
        });
        let (folder, shared) = (folder.to_owned(), Arc::clone(&state));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (folder, state) = (folder.clone(), Arc::clone(&shared));
                std::thread::spawn(move || answer(stream, &folder, &state));
            }
        });
        Self { port, state }
    }

    /// From now on, the login is valid for fetches only, or also for pushes.
    pub fn refuse_pushes(&self, refuses: bool) {
        self.state.refuses_pushes.store(refuses, Ordering::SeqCst);
    }

    /// The URL of a repository, with a login if one is given.
    pub fn url(&self, login: &str, repository: &str) -> String {
        format!("http://{login}127.0.0.1:{}/{repository}", self.port)
    }

    /// The first lines of all requests.
    pub fn requests(&self) -> Vec<String> {
        let lines = self
            .state
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        lines.clone()
    }
}

fn answer(mut stream: TcpStream, folder: &PathBuf, state: &ServerState) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    state
        .lines
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(first.trim_end().to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
            None => break,
        }
    }
    let header = |wanted: &str| {
        let mut headers = headers.iter();
        let found = headers.find(|(name, _)| name == wanted);
        found.map_or("", |(_, value)| value).to_owned()
    };
    let is_push = first.contains("git-receive-pack");
    let is_expired = is_push && state.refuses_pushes.load(Ordering::SeqCst);
    if state.needs_login && (is_expired || header("authorization") != LOGIN) {
        let refusal = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\n\
                       Content-Length: 0\r\nConnection: close\r\n\r\n";
        return stream.write_all(refusal.as_bytes()).ok();
    }
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut backend = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", folder)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("REMOTE_USER", "ada")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("HTTP_GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdin = backend.stdin.take()?;
    let writer = std::thread::spawn(move || drop(stdin.write_all(&body)));
    let output = backend.wait_with_output().ok()?.stdout;
    writer.join().ok()?;
    let end = output.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&output[..end]);
    let status = head.lines().find_map(|line| line.strip_prefix("Status: "));
    let reply = format!(
        "HTTP/1.1 {}\r\n{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        status.unwrap_or("200 OK"),
        output.len() - end - 4
    );
    stream.write_all(reply.as_bytes()).ok()?;
    stream.write_all(&output[end + 4..]).ok()
}
