//! `noren export`: prints what is kept of a site.

use super::place::{Place, runtime};
use crate::clock::{Clock as _, SystemClock};
use crate::exports::{self, ExportError, Format};
use crate::facts::read_date;
use crate::store::exports::Span;
use anyhow::Context;
use clap::ValueEnum;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::io::{BufWriter, ErrorKind};

/// Arguments of `noren export`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What is printed
    #[arg(value_enum)]
    what: What,
    #[command(flatten)]
    place: Place,
    /// Events from then on; profiles of those who came back then or later: 2026-11-01, or with a time 2026-11-01T09:00:00+09:00
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only those before then
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Printed::Jsonl)]
    format: Printed,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Events, from the oldest on, by GA4's names
    Events,
    /// Profiles of visitors and customers
    Profiles,
}

/// How it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Printed {
    /// An object of JSON a line
    Jsonl,
    /// CSV with a heading
    Csv,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let site = arguments.place.site(SystemClock.now())?;
    let time = |text: &Option<String>, default| text.as_ref().map_or(Ok(default), |text| time(text, &site.time_zone));
    let whole = Span::default();
    let span = Span { since: time(&arguments.since, whole.since)?, until: time(&arguments.until, whole.until)? };
    let stores = arguments.place.folders.stores()?;
    let format = match arguments.format {
        Printed::Jsonl => Format::Jsonl,
        Printed::Csv => Format::Csv,
    };
    let site = arguments.place.id();
    let runtime = runtime()?;
    let store = {
        let _within = runtime.enter();
        stores.open()?
    };
    let mut out = BufWriter::new(std::io::stdout());
    let done = runtime.block_on(async {
        match arguments.what {
            What::Events => exports::events(store.exports(), &site, &span, format, &mut out).await,
            What::Profiles => exports::profiles(store.exports(), &site, &span, format, &mut out).await,
        }
    });
    match done {
        // Whoever reads has seen enough: what is left in the buffer is not for them.
        Err(ExportError::Io(error)) if error.kind() == ErrorKind::BrokenPipe => {
            drop(out.into_parts());
            Ok(())
        }
        done => Ok(done?),
    }
}

/// A moment, or the beginning of a day by the site's clock.
fn time(text: &str, zone: &TimeZone) -> anyhow::Result<Timestamp> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let day = read_date(text).and_then(|day| day.to_zoned(zone.clone()).ok());
    day.map(|day| day.timestamp()).with_context(|| format!("`{text}` is no time: write it like 2026-11-01"))
}
