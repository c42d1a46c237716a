//! `noren explain`: which scenarios fire for a request, which do not, and by which part of which condition.

use super::{Format, output};
use crate::clock::{Clock, SystemClock};
use crate::commerce::{Content, Product};
use crate::config::render::{Style, human};
use crate::facts::{Customer, Facts, source};
use crate::ids::{SiteId, VisitorId};
use crate::rules::{LoadOptions, LoadedRules, load_rules};
use crate::scenario::decide::{DecideContext, decide, decide_early};
use crate::scenario::trace::{Cap, FactTrace, FailedPart, NotScheduled, Outcome, ScenarioTrace, Trace};
use crate::site::Site;
use crate::store::profile::{PageViewed, Profile};
use crate::visitor::bots;
use anyhow::{Context, anyhow, bail};
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Arguments of `noren explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Folder of rules
    #[arg(long, value_name = "DIR", default_value = "rules")]
    rules: PathBuf,
    /// The site: its folder's name
    #[arg(long, value_name = "SITE")]
    site: String,
    /// The page, such as `https://shop.example/products/1?utm_source=mail`
    #[arg(long, value_name = "URL")]
    url: String,
    /// A header of the request; may be given more than once
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// What is remembered of the visitor, and what the shop says of the customer, as JSON:
    /// {"profile": {"visits": 3, …}, "customer": {"rank": "gold"}, "new": false,
    /// "content": {"product": {"id": "M-1", "price": 1200}, "cart": {"value": 3000}}}
    #[arg(long, value_name = "FILE")]
    visitor: Option<PathBuf>,
    /// The time, such as 2026-11-22T23:00:00+09:00  [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// What the page says of itself, as JSON: {"product": {"id": "7", "price": 1200}, "cart": {"value": 4200}, …}. Without it, what hangs
    /// on that is undecided
    #[arg(long, value_name = "FILE")]
    content: Option<PathBuf>,
    /// The status of the shop's answer
    #[arg(long, default_value_t = 200)]
    status: u16,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// The visitor's file. Without one, the visitor comes for the first time.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct VisitorFile {
    /// As the store keeps it, before this page view.
    profile: Profile,
    /// Fields of `customer.*`.
    customer: BTreeMap<String, serde_json::Value>,
    /// What the page says: its product, cart, search, member.
    content: Option<Content>,
    /// What the catalogue has of this address's product.
    catalogued: Option<Product>,
    /// The request brings no cookie.
    new: bool,
    /// 32 hexadecimal digits: decides which variants the visitor is in.
    id: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match explain(arguments) {
        Ok(text) => match output::print(&text) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            output::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn explain(arguments: &Arguments) -> anyhow::Result<String> {
    let at = arguments.at.unwrap_or_else(|| SystemClock.now());
    let loaded = load_rules(&arguments.rules, &LoadOptions { prefix: "noren".into(), now: at });
    let site = site(&loaded, arguments)?;
    let visitor = visitor(arguments)?;
    let told: Option<Content> = arguments.content.as_deref().map(page_content).transpose()?;
    let told = told.as_ref().or(visitor.content.as_ref());
    let url = url::Url::parse(&arguments.url)
        .with_context(|| format!("`{}` is no address of a page: write it whole, with https://", arguments.url))?;
    let headers = headers(&arguments.header)?;
    let now = at.to_zoned(site.time_zone.clone());
    let (query, host) = (url.query().unwrap_or_default(), url.host_str().unwrap_or_default());
    let mut profile = visitor.profile.clone();
    profile.page_viewed(&PageViewed {
        at,
        path: url.path(),
        source: &source::classify(query, source::referrer(&headers), host),
        session_timeout: i64::try_from(site.session_timeout.as_secs()).unwrap_or(i64::MAX),
    });
    let customer = Customer {
        fields: visitor.customer.iter().map(|(name, value)| (name.as_str().into(), plain(value).into())).collect(),
    };
    let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    let consent = site.privacy.will(&headers).consent;
    let is_bot = agent.is_some() && bots::is_bot(agent);
    let facts = Facts {
        path: url.path(),
        query,
        host,
        headers: &headers,
        page_kind: site.page_kind(url.path(), url.query().unwrap_or_default()),
        status: Some(arguments.status),
        history: (!is_bot && consent.personalisation).then_some(&profile),
        id_known: arguments.visitor.is_some() && !visitor.new,
        is_bot,
        now: &now,
        geo: None,
        customer: &customer,
        content: told,
        catalogued: visitor.catalogued.as_ref(),
        streaming: false,
        currency: &site.currency,
        free_shipping_from: site.free_shipping_from,
        consent,
    };
    let id = visitor_id(visitor.id.as_deref())?;
    let cx = DecideContext {
        site: &site.id,
        visitor: (!is_bot && consent.personalisation).then_some(&id),
        history: facts.history,
        facts: &facts,
        now: &now,
        holdout: site.holdout,
    };
    // With the head alone: what is undecided then was decided by what the page said.
    let early = Facts { content: None, streaming: site.learn.pages, ..facts };
    let mut trace = Trace::default();
    decide_early(&site.rules, &DecideContext { facts: &early, ..cx }, Some(&mut trace));
    if told.is_some() {
        let undecided = |scenario: &ScenarioTrace| matches!(scenario.outcome, Outcome::Undecided { .. });
        let late: Vec<bool> = trace.scenarios.iter().map(undecided).collect();
        decide(&site.rules, &cx, Some(&mut trace));
        for (scenario, late) in trace.scenarios.iter_mut().zip(late) {
            scenario.late = late;
        }
    }
    Ok(match arguments.format {
        Format::Json => serde_json::to_string_pretty(&trace)? + "\n",
        Format::Human => draw(&trace, &now.to_string()),
    })
}

fn site(loaded: &LoadedRules, arguments: &Arguments) -> anyhow::Result<Arc<Site>> {
    let id = SiteId::new(&arguments.site);
    let Some(found) = loaded.sites.iter().find(|site| site.id == id) else {
        let known: Vec<&str> = loaded.sites.iter().map(|site| site.id.as_str()).collect();
        let known = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
        bail!("there is no site `{id}` in {}; known: {known}", arguments.rules.display());
    };
    found.site.clone().ok_or_else(|| {
        let drawn = human(&loaded.problems, &loaded.sources, Style { root: &arguments.rules, colour: false });
        anyhow!("the rules of `{id}` have errors\n{drawn}")
    })
}

fn visitor(arguments: &Arguments) -> anyhow::Result<VisitorFile> {
    let Some(path) = &arguments.visitor else { return Ok(VisitorFile::default()) };
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not a visitor's file", path.display()))
}

fn page_content(path: &Path) -> anyhow::Result<Content> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} does not tell a page's content", path.display()))
}

fn visitor_id(text: Option<&str>) -> anyhow::Result<VisitorId> {
    match text {
        None => Ok(VisitorId([0; 16])),
        Some(text) if text.len() == 32 => u128::from_str_radix(text, 16)
            .map(|number| VisitorId(number.to_be_bytes()))
            .with_context(|| format!("`{text}` is no visitor id: write 32 hexadecimal digits")),
        Some(text) => bail!("`{text}` is no visitor id: write 32 hexadecimal digits"),
    }
}

fn headers(lines: &[String]) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) =
            line.split_once(':').with_context(|| format!("`{line}` is no header: write `NAME: VALUE`"))?;
        let name: HeaderName = name.trim().parse().with_context(|| format!("`{name}` is no header's name"))?;
        let value =
            HeaderValue::from_str(value.trim()).with_context(|| format!("`{line}` has no value a header may have"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn draw(trace: &Trace, now: &str) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = writeln!(out, "at {now}");
    if trace.held_out {
        let _ = writeln!(out, "the visitor is in the site's holdout and sees no scenario");
    }
    let width = trace.scenarios.iter().map(|scenario| scenario.id.chars().count()).max().unwrap_or(0);
    for scenario in &trace.scenarios {
        draw_scenario(&mut out, scenario, width);
    }
    if !trace.facts.is_empty() {
        let _ = writeln!(out, "\nfacts");
        for fact in &trace.facts {
            let _ = writeln!(out, "  {}", said(fact));
        }
    }
    out
}

fn draw_scenario(out: &mut String, scenario: &ScenarioTrace, width: usize) {
    let (sign, what) = match &scenario.outcome {
        Outcome::Shown { variant } => ("+", format!("shown, variant {variant}")),
        Outcome::Control { variant } => ("=", format!("nothing shown: the visitor is in the control arm {variant}")),
        Outcome::Undecided { variant, control } => {
            ("?", format!("undecided at the head, decided in the stream; variant {variant}{}", nothing(*control)))
        }
        Outcome::Contested { variant, control } => (
            "+",
            format!(
                "shown, variant {variant}{}, unless one that is undecided takes its slot before",
                nothing(*control)
            ),
        ),
        Outcome::NotScheduled { why } => ("-", not_scheduled(*why)),
        Outcome::ConditionFailed { .. } => ("-", "its condition does not hold".to_owned()),
        Outcome::NotEnrolled => ("-", "it needs a visitor who can be known again, and a robot cannot".to_owned()),
        Outcome::FirstPage => ("-", "its pool gives codes from a visitor's second page on (`first_visit`)".to_owned()),
        Outcome::Holdout => ("-", "the visitor is in the site's holdout".to_owned()),
        Outcome::NoVariant => ("-", "none of its variants has any weight".to_owned()),
        Outcome::Capped { cap } => ("-", capped(*cap)),
        Outcome::SlotTaken { by } => ("-", format!("its slot is taken by {by}, which has a higher priority")),
        Outcome::PageFull => ("-", "the page has as many actions as a page may have".to_owned()),
    };
    let late = if scenario.late { " (undecided at the head, decided in the stream)" } else { "" };
    let _ = writeln!(out, "{sign} {:<width$}  {what}{late}", scenario.id);
    if let Outcome::ConditionFailed { parts } = &scenario.outcome {
        for part in parts {
            let _ = writeln!(out, "  {:<width$}    {}", "", blamed(part));
        }
    }
}

fn nothing(control: bool) -> &'static str {
    if control { ", which sees nothing" } else { "" }
}

fn blamed(part: &FailedPart) -> String {
    let text = part.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let facts: Vec<String> = part.facts.iter().map(said).collect();
    let verdict = match part.answer {
        Some(true) => "is true, and must not be",
        Some(false) => "is false",
        None => "cannot be answered",
    };
    if facts.is_empty() { format!("{text}  {verdict}") } else { format!("{text}  {verdict}: {}", facts.join(", ")) }
}

fn said(fact: &FactTrace) -> String {
    match &fact.value {
        Some(value) => format!("{} = {value}", fact.name),
        None => format!("{} is not known", fact.name),
    }
}

fn not_scheduled(why: NotScheduled) -> String {
    format!("it does not run now: {}", words(&why))
}

fn capped(cap: Cap) -> String {
    format!("the visitor has had enough of it: {}", words(&cap))
}

/// The words of an enum as serde writes them, underscores being spaces.
fn words(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text.replace('_', " "),
        Ok(other) => other.to_string().replace('_', " "),
        Err(_) => String::new(),
    }
}
