//! Tells by a look at a folder's entries whether anything in it can have changed, without reading it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// A number that changes when a file in the folder, or two folders down, comes, goes or changes. Symbolic links are followed.
pub(super) fn of_folder(folder: &Path) -> u64 {
    let mut hash = Xxh3::new();
    add(&mut hash, folder, 2);
    hash.digest()
}

fn add(hash: &mut Xxh3, path: &Path, depth: u8) {
    let Ok(found) = std::fs::metadata(path) else {
        hash.update(b"gone");
        return;
    };
    if !found.is_dir() {
        for part in [found.dev(), found.ino(), found.size()] {
            hash.update(&part.to_le_bytes());
        }
        // The change time moves even where a copy puts the modification time back.
        for part in [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()] {
            hash.update(&part.to_le_bytes());
        }
        return;
    }
    let Some(depth) = depth.checked_sub(1) else { return };
    let Ok(entries) = std::fs::read_dir(path) else {
        hash.update(b"closed");
        return;
    };
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    for name in names {
        hash.update(name.as_encoded_bytes());
        hash.update(&[0]);
        add(hash, &path.join(name), depth);
    }
}
