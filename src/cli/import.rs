//! `noren import`: takes members, their orders and segments from CSV files.

use super::output::{complain, print};
use super::place::{Place, SiteOfImport, Stores, runtime};
use crate::clock::{Clock as _, SystemClock};
use crate::imports::{BadRow, Counts, Encoding, Intake, Kind, PORTION, Settings, Table};
use anyhow::Context;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Commands of `noren import`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Take members in: column `id`, then any of rank, points, gender, birth_date, birth_month, age, name, tags; any other column
    /// becomes `customer.attr["…"]`, its values checked if its name ends in :int, :number, :date or :bool
    Customers(Arguments),
    /// Take orders in, each once: columns id (the member), order, at; then any of value, refunded, currency, tax, shipping, coupon
    Orders(Arguments),
    /// Put members into segments: columns id and segments, separated by `;`; one with a minus before it is left
    Segments(Arguments),
}

/// Arguments of `noren import …`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The file: CSV with a heading
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// How the file is written
    #[arg(long, value_enum, default_value_t = Written::Utf8)]
    encoding: Written,
    /// Where all rows that are not taken are listed, as CSV
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Only say what would come of it
    #[arg(long)]
    dry_run: bool,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Written {
    /// UTF-8, with or without a byte order mark
    #[value(name = "utf-8", alias = "utf8")]
    Utf8,
    /// Shift_JIS, as Windows and Excel write it in Japan
    #[value(name = "shift_jis", aliases = ["shift-jis", "sjis", "cp932"])]
    ShiftJis,
}

/// Bad rows that are printed.
const SHOWN: usize = 20;

/// 0: all rows were taken in; 1: some were passed over, or it failed.
pub(super) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let (kind, arguments) = match command {
        Command::Customers(arguments) => (Kind::Customers, arguments),
        Command::Orders(arguments) => (Kind::Orders, arguments),
        Command::Segments(arguments) => (Kind::Segments, arguments),
    };
    let shown = arguments.file.display();
    let file = File::open(&arguments.file).with_context(|| format!("{shown} cannot be read"))?;
    let bytes = file.metadata().map_or(0, |file| file.len());
    let now = SystemClock.now();
    let site = arguments.place.site(now)?;
    let encoding = match arguments.encoding {
        Written::Utf8 => Encoding::Utf8,
        Written::ShiftJis => Encoding::ShiftJis,
    };
    let in_shift_jis = "give --encoding shift_jis";
    let settings = Settings { kind, encoding, time_zone: site.time_zone.clone(), now, in_shift_jis };
    let mut table = Table::open(Box::new(file), settings).with_context(|| format!("{shown} was not imported"))?;
    if !table.ignored().is_empty() {
        complain(&format!("Columns that are not read: {}", table.ignored().join(", ")));
    }
    let runtime = runtime()?;
    let intake = {
        let _within = runtime.enter();
        open(arguments, &arguments.place.folders.stores()?, site)?
    };
    let mut rejects = Rejects::open(shown.to_string(), arguments.rejects.as_deref())?;
    // Hidden by itself where there is no terminal.
    let bar = ProgressBar::new(bytes);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent}%  {msg}  {eta} left") {
        bar.set_style(style);
    }
    let mut counts = Counts::default();
    let ended = loop {
        let portion = match table.next_portion(PORTION) {
            Ok(Some(portion)) => portion,
            Ok(None) => break Ok(()),
            Err(error) => break Err(anyhow::Error::from(error)),
        };
        bar.suspend(|| rejects.add(portion.bad))?;
        match &intake {
            Some(intake) => match runtime.block_on(intake.take(table.fields(), portion.rows)) {
                Ok(taken) => {
                    counts += taken.counts;
                    bar.suspend(|| rejects.add(taken.bad))?;
                }
                Err(error) => break Err(error.into()),
            },
            // Nobody is there whom they could be.
            None => counts.new += portion.rows.len(),
        }
        bar.set_position(table.read());
        bar.set_message(format!("{} rows", counts.new + counts.changed + counts.same + rejects.count));
    };
    bar.finish_and_clear();
    rejects.finish()?;
    print(&summary(kind, counts, &rejects, arguments.dry_run))?;
    ended.with_context(|| {
        format!("{shown} was not read to its end; what was taken in stays, and can be imported again")
    })?;
    Ok(if rejects.count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What takes rows in; `None` when nothing is to be written and there is no store.
fn open(arguments: &Arguments, stores: &Stores, site: SiteOfImport) -> anyhow::Result<Option<Intake>> {
    if arguments.dry_run && stores.data().is_dir() && !(stores.is_there() && stores.customer_key().is_file()) {
        return Ok(None);
    }
    Ok(Some(Intake {
        store: stores.open_or_make()?,
        site: arguments.place.id(),
        names: Arc::new(stores.customers()?),
        currency: site.currency,
        time_zone: site.time_zone,
        now: site.now,
        dry_run: arguments.dry_run,
    }))
}

fn summary(kind: Kind, counts: Counts, rejects: &Rejects, dry_run: bool) -> String {
    let what = match kind {
        Kind::Customers => "customers",
        Kind::Orders => "orders",
        Kind::Segments => "customers' segments",
    };
    let begins = if dry_run { "Would import" } else { "Imported" };
    let Counts { new, changed, same } = counts;
    let mut text = format!("{begins} {what}: {new} new, {changed} changed, {same} the same as before.");
    match rejects.count {
        0 => {}
        1 => text.push_str(" 1 row was passed over."),
        count => {
            let _ = write!(text, " {count} rows were passed over.");
        }
    }
    if let Some(path) = rejects.path.as_ref().filter(|_| rejects.count > 0) {
        let _ = write!(text, " They are listed in {}.", path.display());
    }
    text + "\n"
}

/// Rows that are not taken: the first are printed, all are listed.
struct Rejects {
    file: String,
    path: Option<PathBuf>,
    list: Option<csv::Writer<File>>,
    count: usize,
}

impl Rejects {
    fn open(file: String, path: Option<&Path>) -> anyhow::Result<Self> {
        let list = path
            .map(|path| {
                // Cells in it are about people.
                let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
                let opened = opened.with_context(|| format!("{} cannot be written", path.display()))?;
                let mut list = csv::Writer::from_writer(opened);
                list.write_record(["line", "column", "reason"])?;
                anyhow::Ok(list)
            })
            .transpose()?;
        Ok(Self { file, path: path.map(Path::to_owned), list, count: 0 })
    }

    fn add(&mut self, rows: Vec<BadRow>) -> anyhow::Result<()> {
        for BadRow { line, column, reason } in rows {
            self.count += 1;
            if self.count <= SHOWN {
                let column = column.as_ref().map(|column| format!("{column}: ")).unwrap_or_default();
                complain(&format!("{}:{line}: {column}{reason}", self.file));
            }
            if let Some(list) = &mut self.list {
                list.write_record([&line.to_string(), column.as_deref().unwrap_or_default(), &reason])?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        if self.count > SHOWN {
            let all = if self.list.is_some() { "" } else { "; --rejects FILE lists all" };
            complain(&format!("… and {} more{all}", self.count - SHOWN));
        }
        if let Some(list) = &mut self.list {
            list.flush()?;
        }
        Ok(())
    }
}
