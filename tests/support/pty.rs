//! Runs the program on its own terminal, waits for text and presses keys.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rexpect::process::{PtyProcess, WaitStatus};

/// The maximum time to wait for anything.
const LIMIT: Duration = Duration::from_secs(20);

/// Keys as a terminal sends them.
pub mod key {
    pub const ENTER: &str = "\r";
    pub const ESC: &str = "\u{1b}";
    pub const CTRL_C: &str = "\u{3}";
    pub const CTRL_D: &str = "\u{4}";
    pub const CTRL_U: &str = "\u{15}";
    pub const UP: &str = "\u{1b}[A";
    pub const DOWN: &str = "\u{1b}[B";
    pub const SHIFT_TAB: &str = "\u{1b}[Z";
    pub const TAB: &str = "\t";
    pub const BACKSPACE: &str = "\u{7f}";
}

/// A terminal on which the program runs.
pub struct Pty {
    process: PtyProcess,
    input: std::fs::File,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    /// Every byte that was written to the terminal.
    pub heard: Vec<u8>,
}

/// The result of the run, and the state of the terminal after it.
#[derive(Debug)]
pub struct Left {
    /// `None` if it was ended by a signal.
    pub code: Option<i32>,
    /// The lines on the screen at the end.
    pub screen: String,
    pub cursor_is_shown: bool,
    /// The modes of the terminal at the end: line editing, echo and signals.
    pub modes: String,
    pub heard: Vec<u8>,
}

impl Pty {
    /// Starts a command on a terminal with this size, with the command's environment
    /// and directory. Its streams are connected to the terminal, unless `to`
    /// redirects them in shell syntax.
    pub fn start(command: &Command, rows: u16, columns: u16, to: &str) -> Self {
        // The size is set before the program starts, and the modes are printed after
        // it has ended. Ctrl-C is for the program, not for the shell around it.
        let script = format!(
            "trap : INT; stty sane rows {rows} cols {columns}; \"$@\" {to}; code=$?; \
             stty -a | tr ' ;' '\\n\\n' | grep -x -e '-*icanon' -e '-*echo' -e '-*isig' | \
             tr '\\n' ' ' > modes; exit $code"
        );
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &script, "sh"]).arg(command.get_program());
        shell.args(command.get_args()).env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                shell.env(name, value);
            }
        }
        let dir = command.get_current_dir().expect("a directory");
        shell.current_dir(dir);
        let mut process = PtyProcess::new(shell).expect("a terminal");
        process.set_kill_timeout(Some(0));
        let input = process.get_file_handle().expect("the terminal");
        let mut reader = process.get_file_handle().expect("the terminal");
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            // Reading fails when no process has the terminal open.
            while let Ok(length @ 1..) = reader.read(&mut part) {
                if sender.send(part[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        let size = |number| NonZeroU16::new(number).expect("not zero");
        Self {
            process,
            input,
            output,
            screen: vt100::Parser::new(size(rows), size(columns), 0),
            heard: Vec::new(),
        }
    }

    /// The text on the screen.
    pub fn screen(&self) -> String {
        self.screen.screen().contents()
    }

    /// Whether a line was wrapped at the right edge.
    pub fn wraps(&self) -> bool {
        let (rows, _) = self.screen.screen().size();
        (0..rows.get()).any(|row| self.screen.screen().row_wrapped(row))
    }

    /// Waits until the screen has a text.
    #[track_caller]
    pub fn wait(&mut self, text: &str) -> &mut Self {
        self.wait_until(text, |screen| screen.contains(text))
    }

    /// Waits until the screen no longer has a text.
    #[track_caller]
    pub fn wait_gone(&mut self, text: &str) -> &mut Self {
        self.wait_until(text, |screen| !screen.contains(text))
    }

    /// Waits until the output ends with this text.
    #[track_caller]
    pub fn wait_end(&mut self, text: &str) -> &mut Self {
        while !self.heard.ends_with(text.as_bytes()) {
            let drawn = self.heard.len();
            self.wait_more(text, drawn);
        }
        self
    }

    #[track_caller]
    fn wait_more(&mut self, text: &str, drawn: usize) {
        let end = Instant::now() + LIMIT;
        while self.heard.len() == drawn {
            self.take_next(text, end);
        }
    }

    #[track_caller]
    fn wait_until(&mut self, text: &str, is_so: impl Fn(&str) -> bool) -> &mut Self {
        let end = Instant::now() + LIMIT;
        while !is_so(&self.screen()) {
            self.take_next(text, end);
        }
        self
    }

    #[track_caller]
    fn take_next(&mut self, text: &str, end: Instant) {
        let left = end.saturating_duration_since(Instant::now());
        match self.output.recv_timeout(left) {
            Ok(bytes) => self.take(&bytes),
            Err(RecvTimeoutError::Timeout) => panic!("no {text:?} in\n{}", self.screen()),
            Err(RecvTimeoutError::Disconnected) => panic!("ended with\n{}", self.screen()),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.heard.extend_from_slice(bytes);
        self.screen.process(bytes);
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        self.input
            .write_all(keys.as_bytes())
            .expect("the terminal takes keys");
        self
    }

    /// Waits for the program to end. `dir` is the directory in which it ran.
    #[track_caller]
    pub fn end(mut self, dir: &Path) -> Left {
        let end = Instant::now() + LIMIT;
        loop {
            match self
                .output
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("still there\n{}", self.screen()),
            }
        }
        let code = match self.process.wait().expect("a status") {
            WaitStatus::Exited(_, code) => Some(code),
            _ => None,
        };
        Left {
            code,
            screen: self.screen(),
            cursor_is_shown: !self.screen.screen().hide_cursor()
                && !self.screen.screen().alternate_screen(),
            modes: std::fs::read_to_string(dir.join("modes")).unwrap_or_default(),
            heard: std::mem::take(&mut self.heard),
        }
    }
}

impl Left {
    /// Asserts that it ended with this code, and that the terminal is restored.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.screen);
        assert!(self.cursor_is_shown, "{}", self.screen);
        for mode in ["icanon", "echo", "isig"] {
            assert!(self.modes.split(' ').any(|m| m == mode), "{}", self.modes);
        }
        self
    }
}
