//! Folders for servers' files.

use std::path::PathBuf;

use crate::peers::Theirs;

/// A folder that goes with this.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("seawall-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder can be made");
        Folder(path)
    }

    pub fn file(&self) -> PathBuf {
        self.0.join("dump.rdb")
    }

    pub fn start(&self, program: &str, further: &[&str]) -> Option<Theirs> {
        let folder = self.0.to_str().expect("a name in Unicode");
        Theirs::start_with(program, &[&["--dir", folder, "--dbfilename", "dump.rdb"], further].concat())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
