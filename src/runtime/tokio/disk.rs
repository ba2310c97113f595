//! Files. Writes go to the page cache on the event loop, as in Redis; syncs leave it, and so does the freeing of large files.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "see the module above")]

use super::super::{File, OpenMode};
use super::aside;

use std::future::Future;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// An open file.
#[derive(Debug)]
pub struct DiskFile {
    /// Opened in append mode, or only for reading.
    append: Arc<std::fs::File>,
    /// For writing at a position, which append mode ignores.
    positioned: Option<std::fs::File>,
}

impl File for DiskFile {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.append).write(bytes)
    }

    fn append_aside(&self, bytes: Vec<u8>, sync: bool) -> impl Future<Output = io::Result<()>> + 'static {
        let file = self.append.clone();
        aside::run(move || {
            (&*file).write_all(&bytes)?;
            if sync { file.sync_data() } else { Ok(()) }
        })
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.append.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let Some(file) = &self.positioned else { return Err(io::ErrorKind::PermissionDenied.into()) };
        file.write_at(bytes, offset)
    }

    fn length(&self) -> io::Result<u64> {
        self.append.metadata().map(|m| m.len())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.append.set_len(length)
    }

    fn sync(&self) -> impl Future<Output = io::Result<()>> + 'static {
        let file = self.append.clone();
        let job = ::tokio::task::spawn_blocking(move || file.sync_data());
        async move { job.await.map_err(io::Error::other)? }
    }
}

pub(super) fn open(path: &Path, mode: OpenMode) -> io::Result<DiskFile> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true);
    if mode == OpenMode::Read {
        return Ok(DiskFile { append: Arc::new(options.open(path)?), positioned: None });
    }
    let append = options.append(true).create(true).create_new(mode == OpenMode::CreateNew).open(path)?;
    let positioned = std::fs::OpenOptions::new().write(true).open(path)?;
    Ok(DiskFile { append: Arc::new(append), positioned: Some(positioned) })
}

pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let replaced = std::fs::File::open(to).ok();
    let renamed = std::fs::rename(from, to);
    close_elsewhere(replaced);
    renamed
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    let removed = std::fs::File::open(path).ok();
    let result = std::fs::remove_file(path);
    close_elsewhere(removed);
    result
}

/// Closes a file that has lost its name. That is when the operating system frees its blocks, which takes milliseconds for each
/// ten megabytes; whoever takes the name away would wait for it, unless somebody still has the file open.
fn close_elsewhere(file: Option<std::fs::File>) {
    if let Some(file) = file {
        drop(aside::run(move || {
            drop(file);
            Ok(())
        }));
    }
}

pub(super) fn list(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

pub(super) fn sync_directory(path: &Path) -> impl Future<Output = io::Result<()>> + 'static {
    let path = path.to_owned();
    let job = ::tokio::task::spawn_blocking(move || std::fs::File::open(path)?.sync_all());
    async move { job.await.map_err(io::Error::other)? }
}
