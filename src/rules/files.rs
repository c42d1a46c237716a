//! The files of a site: which there are, what is in them, and what is out of place.

use super::names;
use crate::config::diagnostic::Problems;
use crate::config::gateway::{self, Limits};
use crate::config::reader::suggest;
use crate::config::source::{self, Sources};
use crate::ids::SiteId;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// All files of one site, read.
#[derive(Debug)]
pub struct SiteFiles {
    /// The folder's name.
    pub id: SiteId,
    /// `site.toml`.
    pub(super) site: File,
    /// `segments.toml`, if there is one.
    pub(super) segments: Option<File>,
    /// `scenarios/*.toml`, by name.
    pub(super) scenarios: Vec<File>,
    /// `templates/*.html`, by name.
    pub(super) templates: Vec<File>,
    /// What could not be read, or is out of place.
    pub(super) problems: Problems,
    /// The texts, and what is readable of those that are not UTF-8.
    pub(super) sources: Sources,
}

/// One file.
#[derive(Debug)]
pub(super) struct File {
    /// Name without extension.
    pub(super) stem: String,
    /// Path relative to the rules folder.
    pub(super) path: PathBuf,
    /// Its text, unless it could not be read.
    pub(super) text: Option<Arc<str>>,
}

/// The names of all sites, sorted.
pub fn list_sites(rules: &Path, problems: &mut Problems) -> Vec<SiteId> {
    let folder = Path::new("sites");
    let mut ids = Vec::new();
    for entry in list(rules, folder, problems) {
        let path = folder.join(&entry.name);
        if !entry.is_folder {
            let help = "each site is a folder: `sites/NAME/site.toml`".to_owned();
            problems.warning("stray-file", &path, 0..0, "a file beside the sites is not read", Some(help));
        } else if names::is_name(&entry.name) {
            ids.push(SiteId::new(&entry.name));
        } else {
            let message = format!("`{}` cannot be the name of a site", entry.name);
            problems.error("bad-file-name", &path, 0..0, message, Some(format!("rename the folder: {}", names::RULE)));
        }
    }
    ids
}

/// Whether a site has a folder. Cheaper than to list them all.
#[must_use]
pub fn is_site(rules: &Path, id: &SiteId) -> bool {
    names::is_name(id.as_str()) && rules.join("sites").join(id.as_str()).is_dir()
}

/// Warns of entries of the rules folder itself that look misnamed. Others are none of our business.
pub fn misplaced(rules: &Path, problems: &mut Problems) {
    let known = [gateway::FILE, "sites"];
    for entry in list(rules, Path::new(""), problems) {
        if entry.name == "site.toml" || known.contains(&entry.name.as_str()) {
            if entry.name == "site.toml" {
                let help = "move it to `sites/NAME/site.toml`".to_owned();
                problems.warning(
                    "stray-file",
                    Path::new("site.toml"),
                    0..0,
                    "a site's file here is not read",
                    Some(help),
                );
            }
        } else if let Some(best) = suggest(&entry.name, known.into_iter()) {
            let message = format!("`{}` is not read", entry.name);
            problems.warning(
                "stray-file",
                Path::new(&entry.name),
                0..0,
                message,
                Some(format!("did you mean `{best}`?")),
            );
        }
    }
}

impl SiteFiles {
    /// Reads all files of a site.
    #[must_use]
    pub fn read(rules: &Path, id: &SiteId, limits: &Limits) -> Self {
        let folder = Path::new("sites").join(id.as_str());
        let mut reader =
            Reader { rules, limit: limits.max_file_size, problems: Problems::default(), sources: Sources::default() };
        let mut segments = None;
        let mut has_site = false;
        let mut scenarios = Vec::new();
        let mut templates = Vec::new();
        for entry in list(rules, &folder, &mut reader.problems) {
            let path = folder.join(&entry.name);
            match entry.name.as_str() {
                "site.toml" => has_site = true,
                "segments.toml" => segments = Some(reader.file("segments", path)),
                "scenarios" if entry.is_folder => scenarios = reader.folder(&path, "toml"),
                "templates" if entry.is_folder => templates = reader.folder(&path, "html"),
                other => reader.stray(&path, other, &["site.toml", "segments.toml", "scenarios", "templates"]),
            }
        }
        let path = folder.join("site.toml");
        let site = if has_site {
            reader.file("site", path)
        } else {
            let help = "write one: `hosts = [\"shop.example\"]` and `origin = \"http://127.0.0.1:8101\"` are enough"
                .to_owned();
            reader.problems.error("no-site-file", &path, 0..0, "the site has no site.toml", Some(help));
            File { stem: "site".into(), path, text: None }
        };
        if scenarios.len() > limits.max_scenarios_per_site {
            let message =
                format!("{} scenarios; the limit is {} a site", scenarios.len(), limits.max_scenarios_per_site);
            let help = "remove some, or raise `max_scenarios_per_site` under `[limits]` in gateway.toml".to_owned();
            reader.problems.error("too-many-scenarios", &folder.join("scenarios"), 0..0, message, Some(help));
        }
        let Reader { problems, sources, .. } = reader;
        Self { id: id.clone(), site, segments, scenarios, templates, problems, sources }
    }

    /// A number that changes whenever what is compiled changes.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Xxh3::new();
        let files = [&self.site].into_iter().chain(&self.segments).chain(&self.scenarios).chain(&self.templates);
        for file in files {
            for part in [file.path.as_os_str().as_encoded_bytes(), file.text.as_deref().unwrap_or_default().as_bytes()]
            {
                hash.update(&(part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        for problem in &self.problems.0 {
            hash.update(problem.file.as_os_str().as_encoded_bytes());
            hash.update(problem.message.as_bytes());
        }
        hash.digest()
    }
}

struct Reader<'a> {
    rules: &'a Path,
    limit: u64,
    problems: Problems,
    sources: Sources,
}

impl Reader<'_> {
    fn file(&mut self, stem: &str, path: PathBuf) -> File {
        let text = source::read(self.rules, &path, self.limit, &mut self.sources, &mut self.problems);
        File { stem: stem.to_owned(), path, text }
    }

    /// All files of a folder with an extension, by name. Each stem becomes a name that rules and markers use.
    fn folder(&mut self, folder: &Path, extension: &str) -> Vec<File> {
        let mut files = Vec::new();
        for entry in list(self.rules, folder, &mut self.problems) {
            let path = folder.join(&entry.name);
            let Some(stem) = entry.name.strip_suffix(extension).and_then(|stem| stem.strip_suffix('.')) else {
                let help = format!("only `*.{extension}` files are read here: rename or remove it");
                self.problems.warning("stray-file", &path, 0..0, "it is not read", Some(help));
                continue;
            };
            if names::is_name(stem) {
                files.push(self.file(stem, path));
            } else {
                let message = format!("`{stem}` cannot be the name of a rule file");
                let help = format!("rename the file: {}; a `name` inside the file may be any text", names::RULE);
                self.problems.error("bad-file-name", &path, 0..0, message, Some(help));
            }
        }
        files
    }

    fn stray(&mut self, path: &Path, name: &str, known: &[&str]) {
        let help = suggest(name, known.iter().copied())
            .map_or_else(|| format!("known here: {}", known.join(", ")), |best| format!("did you mean `{best}`?"));
        self.problems.warning("stray-file", path, 0..0, format!("`{name}` is not read"), Some(help));
    }
}

/// An entry of a folder.
struct Entry {
    name: String,
    is_folder: bool,
}

/// The entries of a folder by name, without what editors and Kubernetes leave there (`.x.swp`, `x~`, `#x#`, `..data`). A folder
/// that is not there is empty.
fn list(rules: &Path, folder: &Path, problems: &mut Problems) -> Vec<Entry> {
    let read = || -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(rules.join(folder))? {
            let entry = entry?;
            if let Some(name) = entry.file_name().to_str().filter(|name| !is_litter(name)) {
                // The kind comes with the listing, except for links.
                let is_folder = match entry.file_type()? {
                    kind if kind.is_symlink() => entry.path().is_dir(),
                    kind => kind.is_dir(),
                };
                entries.push(Entry { name: name.to_owned(), is_folder });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    };
    match read() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            let help = "let the user that Noren runs as read the folder (`chmod`, `chown`)".to_owned();
            problems.error("unreadable-folder", folder, 0..0, format!("it cannot be read: {error}"), Some(help));
            Vec::new()
        }
    }
}

/// Whether a name is one that programs leave behind.
pub(crate) fn is_litter(name: &str) -> bool {
    name.starts_with(['.', '#'])
        || name.ends_with('~')
        || Path::new(name)
            .extension()
            .and_then(OsStr::to_str)
            .is_some_and(|end| matches!(end, "swp" | "tmp" | "bak" | "orig"))
}
