//! `noren coupons`: fills pools with codes, and says how pools stand.

use super::output::{complain, print};
use super::place::{Folders, runtime};
use crate::clock::{Clock as _, SystemClock};
use crate::ids::{OsRandom, SiteId};
use crate::store::coupons::Coupons;
use crate::store::ledger::Ledger;
use crate::store::{self, Store};
use anyhow::Context;
use csv::{ByteRecord, ReaderBuilder, Trim};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Commands of `noren coupons`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add codes to a pool: a CSV file with a code a line, and perhaps the time at which it ceases to hold
    Add(Add),
    /// Say how many codes of each pool are free, given, seen and redeemed
    List(List),
}

/// Arguments of `noren coupons add`.
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The site: the name of its folder under `sites/`
    #[arg(long)]
    site: String,
    /// The pool, as scenarios name it
    #[arg(long)]
    pool: String,
    /// When the codes cease to hold, unless the file says so; such as 2026-12-31T23:59:59+09:00
    #[arg(long, value_name = "TIME")]
    expires: Option<Timestamp>,
    /// The file: codes in its first column; times in a second one; a first line that begins with `code` is a heading
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// Arguments of `noren coupons list`.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// One site alone
    #[arg(long)]
    site: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// Where coupons are.
#[derive(Debug, clap::Args)]
struct Place {
    #[command(flatten)]
    folders: Folders,
    /// Address of the PostgreSQL server that holds the coupons, where gateway.toml does not say it
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    ledger: Option<String>,
}

/// Longest code, in characters.
const LONGEST: usize = 100;
/// Codes added at a time.
const PORTION: usize = 10_000;

pub(super) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let runtime = runtime()?;
    match command {
        Command::Add(arguments) => runtime.block_on(add(arguments)),
        Command::List(arguments) => runtime.block_on(list(arguments)),
    }
}

/// Adds what can be added. 0: all of it; 1: some rows are not codes.
async fn add(arguments: &Add) -> anyhow::Result<ExitCode> {
    let file = arguments.file.display();
    let opened = std::fs::File::open(&arguments.file).with_context(|| format!("{file} cannot be read"))?;
    let read = read(opened).with_context(|| format!("{file} cannot be read"))?;
    let site = SiteId::new(&arguments.site);
    let opened = arguments.place.open()?;
    let mut added = 0;
    let good: usize = read.codes.values().map(Vec::len).sum();
    for (expires, codes) in &read.codes {
        for portion in codes.chunks(PORTION) {
            let expires = expires.or(arguments.expires);
            added += opened.coupons().add_codes(&site, &arguments.pool, portion, expires).await?;
        }
    }
    for (line, reason) in &read.bad {
        complain(&format!("{file}:{line}: {reason}"));
    }
    let mut text = format!("Added {added} codes to the pool {} of {site}.", arguments.pool);
    if good > added {
        let _ = write!(text, " {} were there already.", good - added);
    }
    if !read.bad.is_empty() {
        let _ = write!(text, " {} lines were passed over.", read.bad.len());
    }
    print(&format!("{text}\n"))?;
    Ok(if read.bad.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn list(arguments: &List) -> anyhow::Result<ExitCode> {
    let opened = arguments.place.open()?;
    let now = SystemClock.now();
    let mut rows = vec![["site", "pool", "free", "given", "seen", "redeemed"].map(str::to_owned)];
    for (site, pool) in opened.coupons().pools().await? {
        if arguments.site.as_ref().is_none_or(|wanted| wanted == site.as_str()) {
            let state = opened.coupons().pool(&site, &pool, now).await?;
            let figures = [state.free.unwrap_or_default(), state.given, state.seen, state.redeemed];
            let [free, given, seen, redeemed] = figures.map(|figure| figure.to_string());
            rows.push([site.to_string(), pool, free, given, seen, redeemed]);
        }
    }
    print(&table(&rows))?;
    Ok(ExitCode::SUCCESS)
}

/// Columns as wide as what is in them; figures to the right.
fn table(rows: &[[String; 6]]) -> String {
    use unicode_width::UnicodeWidthStr as _;
    let mut text = String::new();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let space = " ".repeat(width - cell.width());
            let _ = if column < 2 { write!(line, "{cell}{space}  ") } else { write!(line, "{space}{cell}  ") };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// A file of codes, read.
#[derive(Debug, Default, PartialEq)]
struct Codes {
    /// Codes by the time at which they cease to hold, in the file's order.
    codes: BTreeMap<Option<Timestamp>, Vec<String>>,
    /// Lines that are no codes, and why.
    bad: Vec<(u64, String)>,
}

fn read(file: impl Read) -> anyhow::Result<Codes> {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(file);
    let (mut read, mut lines, mut row) = (Codes::default(), HashMap::new(), ByteRecord::new());
    let mut is_first = true;
    while reader.read_byte_record(&mut row)? {
        let line = row.position().map_or(0, csv::Position::line);
        let is_heading = std::mem::take(&mut is_first) && is_heading(&row);
        if is_heading {
            continue;
        }
        match code(&row) {
            Ok((code, expires)) => match lines.insert(code.clone(), line) {
                None => read.codes.entry(expires).or_default().push(code),
                Some(first) => read.bad.push((line, format!("{code} is in line {first} already"))),
            },
            Err(reason) => read.bad.push((line, reason)),
        }
    }
    Ok(read)
}

/// Spreadsheets begin a file with a mark of its encoding.
fn without_mark(field: &[u8]) -> &[u8] {
    field.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(field)
}

fn is_heading(row: &ByteRecord) -> bool {
    row.get(0).is_some_and(|field| without_mark(field).eq_ignore_ascii_case(b"code"))
}

/// What a row says, or what is wrong with it.
fn code(row: &ByteRecord) -> Result<(String, Option<Timestamp>), String> {
    let text = |column| std::str::from_utf8(without_mark(row.get(column).unwrap_or_default()));
    let (Ok(code), Ok(expires)) = (text(0), text(1)) else { return Err("it is not in UTF-8".to_owned()) };
    if code.is_empty() {
        return Err("there is no code".to_owned());
    }
    if code.chars().count() > LONGEST {
        return Err(format!("the code is longer than {LONGEST} characters"));
    }
    if code.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(format!("`{}` has a space or a control character in it", code.escape_debug()));
    }
    let expires = match expires {
        "" => None,
        time => Some(
            time.parse()
                .map_err(|_| format!("`{}` is no time such as 2026-12-31T23:59:59+09:00", time.escape_debug()))?,
        ),
    };
    Ok((code.to_owned(), expires))
}

enum Opened {
    Named(Arc<dyn Store>),
    Server(Arc<dyn Ledger>),
}

impl Place {
    fn open(&self) -> anyhow::Result<Opened> {
        if let Some(address) = &self.ledger {
            let kept = self.folders.stores()?.kept()?;
            return Ok(Opened::Server(store::open_ledger(address, &kept, &OsRandom)?));
        }
        Ok(Opened::Named(self.folders.stores()?.open_or_make()?))
    }
}

impl Opened {
    fn coupons(&self) -> &dyn Coupons {
        match self {
            Self::Named(store) => store.coupons(),
            Self::Server(ledger) => &**ledger,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(list: &[&str]) -> Vec<String> {
        list.iter().map(|code| (*code).to_owned()).collect()
    }

    #[test]
    fn codes_are_read_with_their_times() {
        let time: Timestamp = "2026-12-31T14:59:59Z".parse().unwrap();
        let file = "\u{FEFF}Code,expires\r\nA-1\r\n A-2 ,2026-12-31T23:59:59+09:00\n\n\"A-3\",,from a spreadsheet";
        let expected = [(None, codes(&["A-1", "A-3"])), (Some(time), codes(&["A-2"]))].into();
        assert_eq!(read(file.as_bytes()).unwrap(), Codes { codes: expected, bad: Vec::new() });
        assert_eq!(read("\u{FEFF}A-1".as_bytes()).unwrap().codes, [(None, codes(&["A-1"]))].into());
    }

    #[test]
    fn bad_rows_are_told_by_line_and_reason_and_the_others_are_read() {
        let long = "X".repeat(101);
        let rows = [
            b"A-1".as_slice(),
            b",2026-12-31T23:59:59Z",
            b"A 2",
            b"A-3,31.12.2026",
            long.as_bytes(),
            b"\x83\x52",
            b"A-1",
            b"A-4",
        ];
        let read = read(rows.join(b"\n".as_slice()).as_slice()).unwrap();
        assert_eq!(read.codes, [(None, codes(&["A-1", "A-4"]))].into());
        let bad: Vec<String> = read.bad.iter().map(|(line, reason)| format!("{line}: {reason}")).collect();
        assert_eq!(
            bad,
            [
                "2: there is no code",
                "3: `A 2` has a space or a control character in it",
                "4: `31.12.2026` is no time such as 2026-12-31T23:59:59+09:00",
                "5: the code is longer than 100 characters",
                "6: it is not in UTF-8",
                "7: A-1 is in line 1 already",
            ]
        );
    }

    #[test]
    fn table_is_aligned_whatever_letters_names_have() {
        let rows = [["site", "pool", "free"], ["湯呑み屋", "p", "12"]].map(|row| {
            let [site, pool, free] = row.map(str::to_owned);
            [site, pool, free.clone(), free.clone(), free.clone(), free]
        });
        assert_eq!(table(&rows), "site      pool  free  free  free  free\n湯呑み屋  p       12    12    12    12\n");
    }
}
