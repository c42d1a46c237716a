//! Reads the files that people wrote, and keeps the text of those that problems point into.
//!
//! Whatever cannot be read as UTF-8 text within the size limit is a problem with a place, never a panic or a hang.

use super::diagnostic::Problems;
use encoding_rs::Encoding;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Texts of files by their path relative to the rules folder.
#[derive(Debug, Default, Clone)]
pub struct Sources(BTreeMap<PathBuf, Arc<str>>);

impl Sources {
    /// Keeps a text.
    pub fn insert(&mut self, file: &Path, text: Arc<str>) {
        self.0.insert(file.to_owned(), text);
    }

    /// The text of a file.
    #[must_use]
    pub fn get(&self, file: &Path) -> Option<&str> {
        self.0.get(file).map(AsRef::as_ref)
    }

    /// Takes over another's texts.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Drops the texts that no problem points into: ten thousand good sites are not kept in memory twice.
    pub fn retain_for(&mut self, problems: &Problems) {
        self.0.retain(|file, _| problems.0.iter().any(|problem| problem.file == *file));
    }
}

/// Reads `root/file`. What goes wrong goes to `problems`, and as much of the text as helps to show it to `sources`.
pub fn read(root: &Path, file: &Path, limit: u64, sources: &mut Sources, problems: &mut Problems) -> Option<Arc<str>> {
    let bytes = match read_bytes(&root.join(file), limit) {
        Ok(bytes) => bytes,
        Err(reason) => {
            problems.error(reason.code(), file, 0..0, reason.to_string(), Some(reason.help()));
            return None;
        }
    };
    take(file, bytes, sources, problems)
}

/// Takes a file's bytes as its text.
pub(crate) fn take(file: &Path, bytes: Vec<u8>, sources: &mut Sources, problems: &mut Problems) -> Option<Arc<str>> {
    match String::from_utf8(bytes) {
        Ok(text) => {
            let text: Arc<str> = text.into();
            sources.insert(file, text.clone());
            Some(text)
        }
        Err(error) => {
            let (bytes, at) = (error.as_bytes(), error.utf8_error().valid_up_to());
            let guess = guess_encoding(bytes);
            // What it means to say is shown, if the place is the same in both readings.
            let readable = guess.filter(|_| bytes.get(..at).is_some_and(<[u8]>::is_ascii));
            let shown = match readable {
                Some(encoding) => encoding.decode_with_bom_removal(bytes).0,
                None => String::from_utf8_lossy(bytes),
            };
            let end = at + shown.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            sources.insert(file, shown.as_ref().into());
            let help = match guess {
                Some(encoding) => format!("it looks like {}: save the file as UTF-8", encoding.name()),
                None => "save the file as UTF-8".to_owned(),
            };
            problems.error("not-utf8", file, at..end, "the file is not UTF-8", Some(help));
            None
        }
    }
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("it is not a file")]
    NotAFile,
    #[error("the file has {size} bytes; the limit is {limit}")]
    TooLarge { size: u64, limit: u64 },
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl Unreadable {
    fn code(&self) -> &'static str {
        match self {
            Self::NotAFile => "not-a-file",
            Self::TooLarge { .. } => "file-too-large",
            Self::Io(error) if is_loop(error) => "symlink-loop",
            Self::Io(_) => "unreadable-file",
        }
    }

    fn help(&self) -> String {
        match self {
            Self::NotAFile => "put a regular file here, or remove what is in its place".to_owned(),
            Self::TooLarge { .. } => "split it, or raise `max_file_size` under `[limits]` in gateway.toml".to_owned(),
            Self::Io(error) if is_loop(error) => "let the symbolic link point to a file, not back to itself".to_owned(),
            Self::Io(error) => match error.kind() {
                io::ErrorKind::NotFound => "restore the file that the symbolic link points to, or remove the link",
                io::ErrorKind::PermissionDenied => "let the user that Noren runs as read it (`chmod`, `chown`)",
                _ => "see that the file's disk is well, and try again",
            }
            .to_owned(),
        }
    }
}

/// `ErrorKind::FilesystemLoop` is not stable yet; its text is.
fn is_loop(error: &io::Error) -> bool {
    error.to_string().contains("symbolic link")
}

fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, Unreadable> {
    // Asked before opening: opening a named pipe would wait for a writer.
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(Unreadable::NotAFile);
    }
    if metadata.len() > limit {
        return Err(Unreadable::TooLarge { size: metadata.len(), limit });
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    // It may have grown since.
    std::fs::File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    let size = bytes.len() as u64;
    if size > limit { Err(Unreadable::TooLarge { size, limit }) } else { Ok(bytes) }
}

/// The encodings that Windows editors in Japan save by default.
fn guess_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return Some(encoding);
    }
    [encoding_rs::SHIFT_JIS, encoding_rs::EUC_JP]
        .into_iter()
        .find(|encoding| !encoding.decode_without_bom_handling(bytes).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem_of(make: impl FnOnce(&Path)) -> (&'static str, String) {
        let dir = tempfile::tempdir().unwrap();
        make(&dir.path().join("x.toml"));
        let mut problems = Problems::default();
        assert!(read(dir.path(), Path::new("x.toml"), 100, &mut Sources::default(), &mut problems).is_none());
        let problem = problems.0.pop().unwrap();
        (problem.code, problem.help.unwrap())
    }

    #[test]
    fn each_way_of_being_unreadable_has_its_own_words() {
        assert_eq!(problem_of(|p| std::fs::create_dir(p).unwrap()).0, "not-a-file");
        assert_eq!(problem_of(|p| std::fs::write(p, [b'#'; 101]).unwrap()).0, "file-too-large");
        assert_eq!(problem_of(|p| std::os::unix::fs::symlink("x.toml", p).unwrap()).0, "symlink-loop");
        assert_eq!(problem_of(|p| std::os::unix::fs::symlink("gone", p).unwrap()).0, "unreadable-file");
    }

    #[test]
    fn the_encoding_of_a_japanese_editor_is_recognised() {
        let (text, _, _) = encoding_rs::SHIFT_JIS.encode("name = \"深夜のクーポン\"");
        let (code, help) = problem_of(|p| std::fs::write(p, &text).unwrap());
        assert_eq!((code, help.as_str()), ("not-utf8", "it looks like Shift_JIS: save the file as UTF-8"));
        let utf16: Vec<u8> = "\u{feff}name".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(problem_of(|p| std::fs::write(p, &utf16).unwrap()).1.contains("UTF-16"));
    }
}
