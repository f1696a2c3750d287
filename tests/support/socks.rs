//! A SOCKS 5 proxy (RFC 1928, RFC 1929) that connects to one address for every host.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A connection through the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// `USER:PASSWORD`, if the client sent it.
    pub login: Option<String>,
    /// `HOST:PORT`, with the host as the client sent it.
    pub target: String,
}

/// A proxy that runs until the process ends.
#[derive(Debug)]
pub struct SocksProxy {
    address: SocketAddr,
    passed: Arc<Mutex<Vec<Passed>>>,
}

impl SocksProxy {
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("free port");
        let address = listener.local_addr().expect("address");
        let passed = Arc::<Mutex<Vec<Passed>>>::default();
        let log = Arc::clone(&passed);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let log = Arc::clone(&log);
                // A client may disconnect at any time.
                std::thread::spawn(move || pass(client, target, &log));
            }
        });
        Self { address, passed }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn passed(&self) -> Vec<Passed> {
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        passed.clone()
    }
}

fn pass(
    mut client: TcpStream,
    target: SocketAddr,
    log: &Mutex<Vec<Passed>>,
) -> std::io::Result<()> {
    let [_, count] = bytes(&mut client)?;
    let methods = text(&mut client, count)?;
    let with_login = methods.contains(&2);
    client.write_all(&[5, if with_login { 2 } else { 0 }])?;
    let login = if with_login {
        let [_, length] = bytes(&mut client)?;
        let user = text(&mut client, length)?;
        let [length] = bytes(&mut client)?;
        let password = text(&mut client, length)?;
        client.write_all(&[1, 0])?;
        let of = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        Some(format!("{}:{}", of(&user), of(&password)))
    } else {
        None
    };
    let [_, _, _, kind] = bytes(&mut client)?;
    let host = match kind {
        1 => bytes::<4>(&mut client)?
            .map(|byte| byte.to_string())
            .join("."),
        3 => {
            let [length] = bytes(&mut client)?;
            String::from_utf8_lossy(&text(&mut client, length)?).into_owned()
        }
        kind => panic!("an address of the kind {kind}"),
    };
    let port = u16::from_be_bytes(bytes(&mut client)?);
    log.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(Passed {
            login,
            target: format!("{host}:{port}"),
        });
    let server = TcpStream::connect(target)?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (server, client);
    std::io::copy(&mut from, &mut to)?;
    to.shutdown(Shutdown::Write)
}

fn bytes<const N: usize>(stream: &mut TcpStream) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).map(|()| bytes)
}

fn text(stream: &mut TcpStream, length: u8) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).map(|()| bytes)
}
