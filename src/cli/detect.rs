//! `noren detect`: which platform a shop is built with, why, and what its preset finds on a page.

mod fetch;

use super::{Format, output};
use crate::rules::detect::{Answer, Found, Told, choice, detect, tell};
use crate::rules::platform::Preset;
use anyhow::{Context, anyhow};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;
use url::Url;

/// Arguments of `noren detect`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A page of the shop, or a file that it was saved to. A product's page tells most
    #[arg(value_name = "URL")]
    page: String,
    /// Of a saved page, the address that it was saved from
    #[arg(long, value_name = "URL")]
    address: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match report(arguments).and_then(|text| output::print(&text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn report(arguments: &Arguments) -> anyhow::Result<String> {
    let answer = answer(arguments)?;
    let found = detect(&answer).map_err(|skip| anyhow!("{} is no page that Noren would read: {skip:?}", answer.url))?;
    let chosen = choice(&found).context("there is no preset")?;
    let told = tell(chosen, &answer).map_err(|skip| anyhow!("{} cannot be read: {skip:?}", answer.url))?;
    match arguments.format {
        Format::Human => Ok(for_people(&answer, &found, chosen, &told)),
        Format::Json => Ok(serde_json::to_string_pretty(&for_programs(&answer, &found, chosen, &told))? + "\n"),
    }
}

fn answer(arguments: &Arguments) -> anyhow::Result<Answer> {
    let page = arguments.page.as_str();
    if page.starts_with("http://") || page.starts_with("https://") {
        let url = Url::parse(page).with_context(|| format!("`{page}` is no address"))?;
        return fetch::fetch(url);
    }
    if !Path::new(page).exists() && !page.contains('/') && page.contains('.') {
        return fetch::fetch(
            Url::parse(&format!("https://{page}/"))
                .with_context(|| format!("`{page}` is neither a file nor an address"))?,
        );
    }
    let body = std::fs::read(page)
        .with_context(|| format!("{page} cannot be read: give an address that begins with https://, or a file"))?;
    let address = arguments.address.as_deref().unwrap_or("https://saved.invalid/");
    let url = Url::parse(address)
        .with_context(|| format!("`{address}` is no address of a page: write it whole, with https://"))?;
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/html"))]);
    Ok(Answer { url, status: StatusCode::OK, headers, body })
}

/// What goes into `site.toml`.
fn line(preset: &Preset) -> String {
    format!("platform = \"{}\"", preset.id)
}

fn for_people(answer: &Answer, found: &[Found], chosen: &Preset, told: &Told) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = writeln!(out, "{}: {}", answer.url, chosen.name);
    match found.first().filter(|found| found.preset.id == chosen.id) {
        Some(first) => draw_signs(&mut out, first),
        None => {
            let _ = writeln!(
                out,
                "  no platform that Noren knows left signs enough; what schema.org says is read all the same"
            );
        }
    }
    if let Some(second) = found.iter().find(|found| found.preset.id != chosen.id) {
        let _ = writeln!(out, "\nnext is {}, with a weight of {}", second.preset.name, second.weight);
        draw_signs(&mut out, second);
    }
    let _ = writeln!(out, "\nthis page, kind {}", told.kind);
    let said = serde_json::to_value(&told.content).unwrap_or_default();
    let fields = said.as_object().into_iter().flatten().filter(|(name, value)| *name != "kind" && !is_nothing(value));
    let mut is_silent = true;
    for (name, value) in fields {
        is_silent = false;
        draw_value(&mut out, name, value, 1);
    }
    if is_silent {
        let _ = writeln!(out, "  nothing was found on it");
    }
    let _ = writeln!(out, "\nfor sites/NAME/site.toml:\n  {}", line(chosen));
    out
}

fn draw_signs(out: &mut String, found: &Found) {
    for (sign, weight) in &found.signs {
        let _ = writeln!(out, "  {weight:>2}  {sign}");
    }
}

fn is_nothing(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Null => true,
        serde_json::Value::Array(list) => list.is_empty(),
        serde_json::Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn draw_value(out: &mut String, name: &str, value: &serde_json::Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        serde_json::Value::Object(fields) => {
            let _ = writeln!(out, "{indent}{name}");
            for (name, value) in fields.iter().filter(|(_, value)| !is_nothing(value)) {
                draw_value(out, name, value, depth + 1);
            }
        }
        serde_json::Value::Array(list) if list.iter().any(serde_json::Value::is_object) => {
            let _ = writeln!(out, "{indent}{name}: {}", list.len());
            for (number, value) in list.iter().enumerate() {
                draw_value(out, &format!("{}", number + 1), value, depth + 1);
            }
        }
        serde_json::Value::Array(list) => {
            let texts: Vec<String> = list.iter().map(plain).collect();
            let _ = writeln!(out, "{indent}{name}  {}", texts.join(" > "));
        }
        other => {
            let _ = writeln!(out, "{indent}{name}  {}", plain(other));
        }
    }
}

fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(": "),
        other => other.to_string(),
    }
}

#[derive(Serialize)]
struct Report<'a, C> {
    url: &'a str,
    platform: &'a str,
    name: &'a str,
    site_toml: String,
    candidates: Vec<Candidate<'a>>,
    kind: &'a str,
    content: &'a C,
}

#[derive(Serialize)]
struct Candidate<'a> {
    platform: &'a str,
    weight: u32,
    signs: Vec<SeenSign<'a>>,
}

#[derive(Serialize)]
struct SeenSign<'a> {
    sign: &'a str,
    weight: u32,
}

fn for_programs<'a>(answer: &'a Answer, found: &'a [Found], chosen: &'a Preset, told: &'a Told) -> impl Serialize + 'a {
    let candidates = found.iter().map(|found| Candidate {
        platform: found.preset.id,
        weight: found.weight,
        signs: found.signs.iter().map(|(sign, weight)| SeenSign { sign, weight: *weight }).collect(),
    });
    Report {
        url: answer.url.as_str(),
        platform: chosen.id,
        name: &chosen.name,
        site_toml: line(chosen),
        candidates: candidates.collect(),
        kind: told.kind,
        content: &told.content,
    }
}
