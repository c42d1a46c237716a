//! `noren serve`: the main job.

use crate::app::{self, RulesFrom, Start};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Arguments of `noren serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Folder of rules
    #[arg(long, value_name = "DIR", default_value = "rules", conflicts_with = "origin")]
    rules: PathBuf,
    /// Try Noren on a shop without writing a file: where the shop is, such as `https://shop.example`
    #[arg(long, value_name = "URL")]
    origin: Option<String>,
    /// Folder of certificates: HOST.pem and HOST.key  [default: certs, or what gateway.toml says]
    #[arg(long, value_name = "DIR")]
    certs: Option<PathBuf>,
    /// Folder of the embedded store  [default: data, or what gateway.toml says]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address for plain http; may be given more than once  [default: 0.0.0.0:8080, or what gateway.toml says]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<SocketAddr>,
    /// Address for https; may be given more than once  [default: none, or what gateway.toml says]
    #[arg(long, value_name = "ADDR")]
    tls_listen: Vec<SocketAddr>,
    /// Address of the operations listener: /healthz, /readyz, /metrics  [default: 127.0.0.1:9090, or what gateway.toml says]
    #[arg(long, value_name = "ADDR")]
    ops: Option<SocketAddr>,
    /// Take the listening sockets over from the process that runs on the same data folder; it then ends by itself
    #[arg(long)]
    upgrade: bool,
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let rules = match arguments.origin {
        Some(origin) if origin.contains("://") => RulesFrom::Origin(origin),
        Some(origin) => RulesFrom::Origin(format!("https://{origin}")),
        None => RulesFrom::Folder(arguments.rules),
    };
    app::run(Start {
        rules,
        certs: arguments.certs,
        data: arguments.data,
        listen: arguments.listen,
        tls_listen: arguments.tls_listen,
        ops: arguments.ops,
        upgrade: arguments.upgrade,
        self_signed: false,
        started: None,
    })
}
