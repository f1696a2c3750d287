//! Finds and reads the files.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::conf::RegistriesConf;
use super::format::ConfSyntaxError;
use crate::user_file;

/// Names a file that is read instead of the user's and the system's files.
const VARIABLE: &str = "CONTAINERS_REGISTRIES_CONF";
/// The directory of the system's files.
const SYSTEM: &str = "/etc/containers";
/// The directory of the user's files, below the home directory.
const USER: &str = ".config/containers";
/// The file; its drop-ins are in the directory with `.d` appended.
const NAME: &str = "registries.conf";

/// The maximum size of a file, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// A file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistriesConfError {
    /// The file, or the directory of drop-ins, cannot be read.
    #[error("cannot read {file}: {reason}; use --registries-conf FILE to read another file")]
    Unreadable {
        /// Which file.
        file: String,
        /// Why not.
        reason: String,
    },
    /// The file is not a valid `registries.conf`.
    #[error("{file}:{line}: {what}; fix it, or read another file with --registries-conf FILE")]
    Invalid {
        /// Which file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

impl RegistriesConf {
    /// Reads only this file.
    ///
    /// # Errors
    /// The file cannot be read or is malformed.
    pub fn from_file(path: &Path) -> Result<Self, RegistriesConfError> {
        let mut conf = Self::default();
        let bytes = user_file::read(path, MAX_BYTES).map_err(|error| unreadable(path, &error))?;
        conf.add_file(path, &bytes)?;
        Ok(conf)
    }

    /// Reads the files of this machine: only the one in
    /// `$CONTAINERS_REGISTRIES_CONF`, if it is set; otherwise the user's with its
    /// drop-ins; otherwise the system's with its drop-ins, then the user's drop-ins.
    ///
    /// # Errors
    /// A file exists but cannot be read or is malformed, or the variable names a file
    /// that does not exist.
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment says where the files are"
    )]
    pub fn from_machine() -> Result<Self, RegistriesConfError> {
        let named = std::env::var_os(VARIABLE);
        let home = std::env::home_dir();
        Self::from_locations(named, home.as_deref(), Path::new(SYSTEM))
    }

    fn from_locations(
        named: Option<OsString>,
        home: Option<&Path>,
        system: &Path,
    ) -> Result<Self, RegistriesConfError> {
        if let Some(named) = named.filter(|named| !named.is_empty()) {
            return Self::from_file(Path::new(&named));
        }
        let mut conf = Self::default();
        let user = home.map(|home| home.join(USER));
        let has_own = match &user {
            Some(user) => conf.add_if_present(&user.join(NAME))?,
            None => false,
        };
        if !has_own {
            conf.add_if_present(&system.join(NAME))?;
            conf.add_drop_ins(system)?;
        }
        if let Some(user) = &user {
            conf.add_drop_ins(user)?;
        }
        Ok(conf)
    }

    /// Adds a file if it exists; returns whether it does.
    fn add_if_present(&mut self, path: &Path) -> Result<bool, RegistriesConfError> {
        match user_file::read(path, MAX_BYTES) {
            Ok(bytes) => self.add_file(path, &bytes).map(|()| true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(unreadable(path, &error)),
        }
    }

    /// Adds the drop-ins `registries.conf.d/*.conf` of a directory in the order of
    /// their names; subdirectories are ignored.
    fn add_drop_ins(&mut self, directory: &Path) -> Result<(), RegistriesConfError> {
        let folder = directory.join(format!("{NAME}.d"));
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if is_missing(&error) => return Ok(()),
            Err(error) => return Err(unreadable(&folder, &error)),
        };
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| unreadable(&folder, &error))?.path();
            if path.extension().is_some_and(|e| e == "conf") && !path.is_dir() {
                files.push(path);
            }
        }
        files.sort();
        for file in files {
            let bytes =
                user_file::read(&file, MAX_BYTES).map_err(|error| unreadable(&file, &error))?;
            self.add_file(&file, &bytes)?;
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path, bytes: &[u8]) -> Result<(), RegistriesConfError> {
        let file = path.display().to_string();
        self.add(&file, bytes)
            .map_err(
                |ConfSyntaxError { line, what }| RegistriesConfError::Invalid { file, line, what },
            )
    }
}

/// Whether the path does not exist; a file in place of a parent directory counts.
fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn unreadable(path: &Path, error: &std::io::Error) -> RegistriesConfError {
    RegistriesConfError::Unreadable {
        file: path.display().to_string(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine's files in a temporary directory.
    struct Machine(tempfile::TempDir);

    impl Machine {
        /// Each file blocks the host with the same name.
        fn with(files: &[&str]) -> Self {
            let machine = Self(tempfile::tempdir().expect("a folder"));
            for file in files {
                let host = Path::new(file)
                    .file_stem()
                    .expect("a name")
                    .to_string_lossy();
                machine.write(
                    file,
                    &format!("[[registry]]\nlocation = \"{host}.io\"\nblocked = true\n"),
                );
            }
            machine
        }

        fn write(&self, file: &str, text: &str) {
            let path = self.0.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }

        fn read(&self, named: Option<&str>) -> Result<RegistriesConf, RegistriesConfError> {
            let path = self.0.path();
            let named = named.map(|named| path.join(named).into_os_string());
            RegistriesConf::from_locations(named, Some(&path.join("home")), &path.join("etc"))
        }

        /// Which of these hosts are blocked, that is, whose files were read.
        fn blocks<'a>(&self, named: Option<&str>, hosts: &[&'a str]) -> Vec<&'a str> {
            let conf = self.read(named).expect("readable");
            let hosts = hosts.iter().filter(|host| {
                let name = format!("{host}.io/app").parse().expect("a name");
                conf.sources(&name).is_err()
            });
            hosts.copied().collect()
        }
    }

    const SYSTEMS: [&str; 2] = ["etc/registries.conf", "etc/registries.conf.d/s.conf"];

    #[test]
    fn the_users_file_replaces_those_of_the_system_but_its_drop_ins_do_not() {
        let hosts = ["registries", "s", "u", "x"];
        let drop_in = "home/.config/containers/registries.conf.d/u.conf";
        let machine = Machine::with(&[
            SYSTEMS[0],
            SYSTEMS[1],
            drop_in,
            "etc/registries.conf.d/x.ignored",
        ]);
        assert_eq!(machine.blocks(None, &hosts), ["registries", "s", "u"]);
        machine.write("home/.config/containers/registries.conf", "");
        assert_eq!(machine.blocks(None, &hosts), ["u"]);
        assert_eq!(machine.blocks(Some(SYSTEMS[0]), &hosts), ["registries"]);
        assert!(Machine::with(&[]).blocks(None, &hosts).is_empty());
    }

    #[test]
    fn drop_ins_are_read_in_the_order_of_their_names() {
        let machine = Machine::with(&[]);
        for (file, location) in [("20", "second"), ("10", "first"), ("30", "third")] {
            machine.write(
                &format!("etc/registries.conf.d/{file}.conf"),
                &format!("[[registry]]\nprefix = \"a.io\"\nlocation = \"{location}.io\"\n"),
            );
        }
        fs::create_dir(machine.0.path().join("etc/registries.conf.d/40.conf")).expect("a folder");
        let sources = machine
            .read(None)
            .expect("readable")
            .sources(&"a.io/x".parse().expect("a name"));
        assert_eq!(sources.expect("sources").own.name.to_string(), "third.io/x");
    }

    #[test]
    fn a_file_that_exists_but_cannot_be_used_is_an_error_wherever_it_is() {
        for file in [
            SYSTEMS[0],
            SYSTEMS[1],
            "home/.config/containers/registries.conf",
            "home/.config/containers/registries.conf.d/u.conf",
        ] {
            let machine = Machine::with(&[]);
            machine.write(file, "\n[[registry]]\nblocked = true\n");
            let error = machine.read(None).expect_err(file).to_string();
            assert!(
                error.contains(&format!("{file}:2: [[registry]] has no")),
                "{error}"
            );
        }
        let machine = Machine::with(&[]);
        let error = machine
            .read(Some("gone.conf"))
            .expect_err("missing")
            .to_string();
        assert!(
            error.starts_with("cannot read ") && error.contains("gone.conf"),
            "{error}"
        );
        // A directory in place of the file.
        fs::create_dir_all(machine.0.path().join(SYSTEMS[0])).expect("a folder");
        assert!(machine.read(None).is_err());
    }
}
