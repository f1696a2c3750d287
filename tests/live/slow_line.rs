//! A slow connection to a server, so that a scan takes a defined time on any machine.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

/// Forwards requests immediately, and each piece of the answers after a pause. Returns
/// `127.0.0.1:PORT`; it works until the tests end.
pub(crate) fn slow_line(server: &str, pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let server = server.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client?, TcpStream::connect(&server)?);
            let (mut requests, mut upwards) = (client.try_clone()?, server.try_clone()?);
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut requests, &mut upwards);
                upwards.shutdown(Shutdown::Both)
            });
            std::thread::spawn(move || answers(server, client, pause));
        }
        std::io::Result::Ok(())
    });
    address.to_string()
}

fn answers(mut server: TcpStream, mut client: TcpStream, pause: Duration) -> std::io::Result<()> {
    let mut piece = vec![0; 1 << 16];
    while let length @ 1.. = server.read(&mut piece)? {
        std::thread::sleep(pause);
        client.write_all(&piece[..length])?;
    }
    client.shutdown(Shutdown::Both)
}
