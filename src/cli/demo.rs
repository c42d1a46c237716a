//! `noren demo`: what a newcomer runs first.

use super::output;
use crate::app::{self, RulesFrom, Start};
use crate::clock::SystemClock;
use crate::demo;
use crate::ids::OsRandom;
use anyhow::Context;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the sample rules say that the shop is; replaced by where it really is.
const ORIGIN_LINE: &str = "origin = \"http://127.0.0.1:";

/// Arguments of `noren demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Address to open in a browser
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address for https, with a certificate of the demo's own making
    #[arg(long, value_name = "ADDR")]
    tls_listen: Vec<SocketAddr>,
    /// Address of the operations listener: /healthz, /readyz, /metrics
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090")]
    ops: SocketAddr,
    /// Folder for what the demo remembers, and for the sample rules that may be edited
    #[arg(long, value_name = "DIR", default_value = "data/demo")]
    data: PathBuf,
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let shop = std::net::TcpListener::bind("127.0.0.1:0").context("the demo shop could not listen on loopback")?;
    shop.set_nonblocking(true)?;
    let origin = shop.local_addr()?;
    let rules = arguments.data.join("rules");
    let edited = lay_out(&rules, origin).with_context(|| {
        format!("the sample rules could not be written to {}; give a folder with --data", rules.display())
    })?;
    std::thread::Builder::new().name("demo-shop".into()).spawn(move || {
        let served = tokio::runtime::Builder::new_current_thread().enable_all().build().and_then(|runtime| {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(shop)?;
                demo::serve(listener, Arc::new(OsRandom), Arc::new(SystemClock), std::future::pending()).await
            })
        });
        if let Err(error) = served {
            output::complain(&format!("error: the demo shop stopped: {error}"));
        }
    })?;
    let rules_shown = rules.clone();
    app::run(Start {
        rules: RulesFrom::Folder(rules),
        certs: None,
        data: Some(arguments.data),
        listen: vec![arguments.listen],
        tls_listen: arguments.tls_listen,
        ops: Some(arguments.ops),
        upgrade: false,
        self_signed: true,
        started: Some(Box::new(move |settings| {
            let listen = settings.listen.first().copied().unwrap_or(arguments.listen);
            let _ = output::print(&greeting(listen, settings.ops_listen, origin, &rules_shown, edited));
        })),
    })
}

fn greeting(listen: SocketAddr, ops: SocketAddr, origin: SocketAddr, rules: &Path, edited: bool) -> String {
    let note = if edited { "  (your edits of the sample rules were kept)\n" } else { "" };
    format!(
        "
  Noren demo · のれんデモ

    the shop through Noren    http://{listen}/
    the same shop without     http://{origin}/
    health and metrics        http://{ops}/metrics
    the sample rules          {rules}
{note}
  What to try · お試しください
    1. Open the shop: a first visit is greeted with the weekly ranking.
       はじめての訪問には「週間ランキング」が出ます。
    2. Open it again: Noren knows you now, and another banner greets you.
       もう一度開くと、再訪の方向けのバナーに変わります。
    3. Look at two or three pages, then move the pointer out of the window at the top: a coupon.
       Or stay 20 seconds on a product: an offer of help. Between 22:00 and 3:00: a word of thanks.
       数ページ見てからポインタをウィンドウの上へ出すとクーポン、商品ページに20秒とどまるとご案内が出ます。
    4. Log in as Hanako (home page) or Kenji (my page, cart) on http://{listen}/login : offers for members.
       花子さん・健司さんでログインすると、会員に合わせたご案内が出ます。
    5. Come from a social network: http://{listen}/category/sweets?utm_source=instagram&utm_medium=social
       SNS からの訪問には、別のバナーが出ます(新しいウィンドウで)。
    6. Edit a file in {scenarios} and reload the page.
       シナリオを書きかえて、ページを読み込み直してください。

  Ctrl-C stops it.
",
        rules = rules.display(),
        scenarios = rules.join("sites/demo/scenarios").display(),
    )
}

/// Writes the sample rules, unless a person has edited those of an earlier run; answers whether they were kept.
fn lay_out(rules: &Path, origin: SocketAddr) -> anyhow::Result<bool> {
    let marker = rules.join(".as-laid-out");
    let embedded = demo::embedded_rules();
    let laid_out = fs::read_to_string(&marker).unwrap_or_default();
    let edited = !laid_out.is_empty() && fingerprint(rules)? != laid_out.trim();
    if !edited {
        if rules.exists() && !laid_out.is_empty() {
            fs::remove_dir_all(rules)?;
        }
        for (name, text) in embedded {
            let path = rules.join(name);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(path, text)?;
        }
    }
    point_to(&rules.join("sites/demo/site.toml"), origin)?;
    if !edited {
        fs::write(marker, fingerprint(rules)?)?;
    }
    Ok(edited)
}

/// Puts the shop's real address into the site's file.
fn point_to(site: &Path, origin: SocketAddr) -> anyhow::Result<()> {
    let text = fs::read_to_string(site)?;
    let lines: Vec<String> = text
        .lines()
        .map(|line| if is_origin(line) { format!("origin = \"http://{origin}\"") } else { line.to_owned() })
        .collect();
    fs::write(site, lines.join("\n") + "\n")?;
    Ok(())
}

fn is_origin(line: &str) -> bool {
    line.split_whitespace().collect::<Vec<_>>().join(" ").starts_with(ORIGIN_LINE)
}

/// A hash over all rule files but for the line that differs at each start.
fn fingerprint(rules: &Path) -> anyhow::Result<String> {
    let mut files = Vec::new();
    let mut folders = vec![rules.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "toml" || extension == "html") {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    for file in files {
        hash.update(file.strip_prefix(rules).unwrap_or(&file).as_os_str().as_encoded_bytes());
        fs::read_to_string(&file)?.lines().filter(|line| !is_origin(line)).for_each(|line| {
            hash.update(line.as_bytes());
            hash.update(b"\n");
        });
    }
    Ok(format!("{:032x}", hash.digest128()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edited_sample_rules_are_kept_and_untouched_ones_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let rules = folder.path().join("rules");
        let first: SocketAddr = "127.0.0.1:4001".parse().unwrap();
        let second: SocketAddr = "127.0.0.1:4002".parse().unwrap();
        assert!(!lay_out(&rules, first).unwrap());
        let site = rules.join("sites/demo/site.toml");
        assert!(fs::read_to_string(&site).unwrap().contains("origin = \"http://127.0.0.1:4001\""));
        assert!(!lay_out(&rules, second).unwrap(), "another port is no edit");
        fs::write(&site, fs::read_to_string(&site).unwrap() + "# mine\n").unwrap();
        assert!(lay_out(&rules, first).unwrap());
        let text = fs::read_to_string(&site).unwrap();
        assert!(text.contains("# mine") && text.contains("127.0.0.1:4001"));
    }
}
