//! Reads what a program prints that this one has started.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Child;

/// How long to read on after the program has ended. By then, all that it printed is in the
/// pipe. A program that it has started may keep the pipe open much longer.
const GRACE: Duration = Duration::from_millis(500);

/// What a program printed, and how it ended.
pub(crate) struct ChildOutput {
    /// Its standard output, if that is a pipe.
    pub(crate) stdout: Vec<u8>,
    /// Its standard error, if that is a pipe.
    pub(crate) stderr: Vec<u8>,
    pub(crate) status: ExitStatus,
}

/// Reads the output of a program until the program has ended. Of each stream, at most
/// one byte more than `limit` is read, which shows that the output is too long.
///
/// # Errors
///
/// The system does not say how the program ended.
pub(crate) async fn read(child: &mut Child, limit: u64) -> io::Result<ChildOutput> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let status = {
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let reading = async {
            tokio::join!(
                read_stream(out, limit, &mut stdout),
                read_stream(err, limit, &mut stderr)
            )
        };
        tokio::pin!(reading);
        tokio::select! {
            ((), ()) = &mut reading => child.wait().await?,
            status = child.wait() => {
                let _ = tokio::time::timeout(GRACE, reading).await;
                status?
            }
        }
    };
    Ok(ChildOutput {
        stdout,
        stderr,
        status,
    })
}

/// After a read error, the part that was read is used.
async fn read_stream(stream: Option<impl AsyncRead + Unpin>, limit: u64, bytes: &mut Vec<u8>) {
    let Some(stream) = stream else {
        return;
    };
    let mut stream = stream.take(limit.saturating_add(1));
    while let Ok(1..) = stream.read_buf(bytes).await {}
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Stdio;

    use tokio::process::Command;

    use super::*;

    async fn run(script: &str, limit: u64) -> ChildOutput {
        let mut child = Command::new("/bin/sh")
            .args(["-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a shell");
        tokio::time::timeout(Duration::from_secs(20), read(&mut child, limit))
            .await
            .expect("not delayed")
            .expect("ended")
    }

    #[tokio::test]
    async fn program_that_a_program_leaves_behind_does_not_delay_its_output() {
        let output = run("sleep 60 & echo $!; echo why >&2; exit 3", 1000).await;
        let id = String::from_utf8(output.stdout).expect("text");
        let killed = std::process::Command::new("kill").arg(id.trim()).status();
        assert!(killed.expect("kill").success(), "it was still running");
        assert_eq!(output.stderr, b"why\n");
        assert_eq!(output.status.code(), Some(3));
    }

    #[tokio::test]
    async fn all_output_is_read_up_to_the_limit() {
        let output = run("head -c 300000 /dev/zero", 300_000).await;
        assert_eq!(output.stdout.len(), 300_000);
        assert!(output.status.success());
        let output = run("cat /dev/zero", 1000).await;
        assert_eq!(output.stdout.len(), 1001);
    }
}
