//! `noren webhook`: sends a hook a sample, and says what it answers.

use super::output::print;
use crate::clock::{Clock as _, SystemClock};
use crate::exports;
use crate::ids::{OsRandom, Random as _, SiteId, VisitorId};
use crate::rules::{LoadOptions, load_rules};
use crate::site::Site;
use crate::site::webhooks::Webhook;
use crate::store::exports::{EventPlace, StoredEvent};
use crate::web;
use crate::webhooks::send::{Answer, Client, send};
use anyhow::{Context, bail};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Commands of `noren webhook`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Send one signed sample to a site's hooks, and print what they answer
    Test(Test),
}

/// Arguments of `noren webhook test`.
#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// The site: the name of its folder under `sites/`
    #[arg(long)]
    site: String,
    /// One hook alone
    #[arg(long, value_name = "HOOK")]
    name: Option<String>,
    /// Folder of rules
    #[arg(long, value_name = "DIR", default_value = "rules")]
    rules: PathBuf,
}

/// Most of an answer that is printed, in characters.
const SHOWN: usize = 1000;

/// 0: every hook took it; 1: one did not.
pub(super) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Test(arguments) = command;
    let site = site(arguments)?;
    let hooks: Vec<_> =
        site.webhooks.iter().filter(|hook| arguments.name.as_ref().is_none_or(|name| **name == *hook.name)).collect();
    if hooks.is_empty() {
        let known: Vec<&str> = site.webhooks.iter().map(|hook| &*hook.name).collect();
        match &arguments.name {
            _ if known.is_empty() => bail!("{} has no `[[webhook]]` in its site.toml", site.id),
            Some(name) => bail!("{} has no hook `{name}`; known: {}", site.id, known.join(", ")),
            None => bail!("{} has no hook", site.id),
        }
    }
    let client = web::client().context("no certificates of authorities are found on this machine")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut code = ExitCode::SUCCESS;
    for hook in hooks {
        let (taken, text) = runtime.block_on(test(&client, &site, hook));
        print(&text)?;
        if !taken {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

fn site(arguments: &Test) -> anyhow::Result<Arc<Site>> {
    let rules = arguments.rules.display();
    let loaded = load_rules(&arguments.rules, &LoadOptions { prefix: "noren".into(), now: SystemClock.now() });
    let known = || loaded.sites.iter().map(|site| site.id.as_str()).collect::<Vec<_>>().join(", ");
    let id = SiteId::new(&arguments.site);
    let found = loaded.sites.iter().find(|site| site.id == id);
    let found = found.with_context(|| format!("there is no site `{id}` in {rules}; known: {}", known()))?;
    found.site.clone().with_context(|| format!("the rules of `{id}` have errors: see them with `noren check {rules}`"))
}

async fn test(client: &Client, site: &Site, hook: &Webhook) -> (bool, String) {
    let (name, at) = (&hook.name, hook.url.shown());
    let keys = match hook.keys() {
        Ok(keys) => keys,
        Err(error) => return (false, format!("{name} ({at}): nothing was sent: {error}\n")),
    };
    let mut unique = [0; 16];
    OsRandom.fill(&mut unique);
    let id = format!("msg_{:032x}", u128::from_be_bytes(unique));
    let now = SystemClock.now();
    let body = sample(site, hook, now);
    let began = SystemClock.monotonic();
    let answer = send(client, hook, &keys, &id, now, body.clone().into_bytes()).await;
    let took = SystemClock.monotonic().duration_since(began);
    let text = match &answer {
        Ok(answer) => answered(answer, took),
        Err(error) => format!("{error}\n"),
    };
    let taken = answer.is_ok_and(|answer| answer.status.is_success());
    (taken, format!("{name} ({at})\n  sent {id}: {body}\n  {text}"))
}

fn answered(answer: &Answer, took: Duration) -> String {
    let verdict = match answer.status.as_u16() {
        200..=299 => "a message is delivered by that",
        300..=399 => "redirects are not followed: give the address that it leads to",
        410 => "a message is dropped by that",
        _ => "a message is tried again after that",
    };
    let mut text = format!("answered {} in {} ms: {verdict}\n", answer.status, took.as_millis());
    let said = String::from_utf8_lossy(&answer.beginning);
    for line in said.chars().take(SHOWN).collect::<String>().lines().filter(|line| !line.trim().is_empty()) {
        // What a stranger sends must not steer a terminal.
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        text.extend(["  | ", &line, "\n"]);
    }
    text
}

/// The first of the events that it wants, of nobody, and marked as a test.
fn sample(site: &Site, hook: &Webhook, now: Timestamp) -> String {
    let item = json!({ "item_id": "TEST-1", "item_name": "Test", "price": 1000.0, "quantity": 1 });
    let name = hook.events.iter().find(|name| **name == "purchase").or(hook.events.first()).copied();
    let name = name.unwrap_or("purchase");
    let parameters = match name {
        "purchase" => {
            json!({ "transaction_id": "TEST-1", "value": 1000.0, "currency": site.currency, "items": [item] })
        }
        _ => json!({ "items": [item] }),
    };
    let event = StoredEvent {
        place: EventPlace { at: now.as_millisecond(), number: 0 },
        visitor: VisitorId([0; 16]),
        name: name.to_owned(),
        arm: None,
        path: None,
        parameters: Some(parameters),
    };
    let mut fields = exports::message(&site.id, &event);
    fields.insert("test".into(), json!(true));
    Value::Object(fields).to_string()
}
