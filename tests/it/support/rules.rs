//! Folders of rules, written as an ops team would.

use std::net::SocketAddr;
use std::path::Path;
use tempfile::TempDir;

/// A folder of rules.
pub(crate) struct Rules {
    dir: TempDir,
}

/// The scenario that prepends `html` to the body whenever `when` holds.
pub(crate) fn inserting(when: &str, html: &str) -> String {
    scenario(when, "", html, "prepend")
}

/// A scenario with further keys (such as `[caps]`), placing `html` in the body.
pub(crate) fn scenario(when: &str, more: &str, html: &str, position: &str) -> String {
    format!(
        "name = 'a test'\nwhen = '''{when}'''\n{more}\n[[variant]]\n[variant.html]\nhtml = '''{html}'''\n\
         place = {{ at = 'body', position = '{position}' }}\n"
    )
}

impl Rules {
    /// An empty folder, left behind in the target folder: a gateway that outlives these rules must not see them vanish.
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().disable_cleanup(true).tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Self { dir }
    }

    /// One site `shop` at `shop.example` in front of `origin`, without scenarios.
    pub(crate) fn shop(origin: SocketAddr) -> Self {
        let rules = Self::new();
        rules.site("shop", "shop.example", origin, "");
        rules
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a site; `more` is appended to its file.
    pub(crate) fn site(&self, name: &str, host: &str, origin: SocketAddr, more: &str) {
        let text = format!("hosts = ['{host}']\norigin = 'http://{origin}'\nprefix = 'gw'\n{more}");
        self.write(&format!("sites/{name}/site.toml"), &text);
    }

    /// Writes a scenario of the site `shop`.
    pub(crate) fn scenario(&self, name: &str, text: &str) {
        self.write(&format!("sites/shop/scenarios/{name}.toml"), text);
    }

    /// Writes a file as editors do: aside, then renamed into place.
    pub(crate) fn write(&self, path: &str, text: &str) {
        write(self.path(), path, text);
    }
}

/// Writes a file below `root`: aside, then renamed into place.
pub(crate) fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let aside = path.with_extension("new~");
    std::fs::write(&aside, text).unwrap();
    std::fs::rename(aside, path).unwrap();
}

/// A folder of rules whose content is exchanged in one step by a symbolic link, as Kubernetes mounts a ConfigMap:
/// `sites → ..data/sites`, `..data → ..N`.
pub(crate) struct MountedRules {
    dir: TempDir,
    versions: usize,
}

impl MountedRules {
    /// Mounts a first version, which `write` lays out.
    pub(crate) fn new(write: impl Fn(&Path)) -> Self {
        let mut mounted = Self { dir: TempDir::new().unwrap(), versions: 0 };
        mounted.swap(write);
        std::os::unix::fs::symlink("..data/sites", mounted.path().join("sites")).unwrap();
        mounted
    }

    /// The folder to give to the gateway.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Puts a new version in the place of the last one, which goes away.
    pub(crate) fn swap(&mut self, write: impl Fn(&Path)) {
        self.versions += 1;
        let name = format!("..{}", self.versions);
        let version = self.path().join(&name);
        std::fs::create_dir(&version).unwrap();
        write(&version);
        let link = self.path().join("..data");
        let aside = self.path().join("..data_tmp");
        std::os::unix::fs::symlink(&name, &aside).unwrap();
        std::fs::rename(aside, link).unwrap();
        let last = self.path().join(format!("..{}", self.versions - 1));
        if last.exists() {
            std::fs::remove_dir_all(last).unwrap();
        }
    }
}
