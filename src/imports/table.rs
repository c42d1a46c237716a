//! A CSV file as rows: what its columns mean, and which rows are sound.

use super::cells::{self, Reason, Type, quoted};
use super::input::{Encoding, Input, Progress};
use csv::{ByteRecord, ReaderBuilder};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a file tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Members.
    Customers,
    /// Orders of members.
    Orders,
    /// Segments that members are in.
    Segments,
}

/// How a file is read.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What it tells of.
    pub kind: Kind,
    /// How it is written.
    pub encoding: Encoding,
    /// The site's clock.
    pub time_zone: TimeZone,
    /// Now.
    pub now: Timestamp,
    /// How the sender says that a file is in Shift_JIS, for those that are and do not say so.
    pub in_shift_jis: &'static str,
}

/// A file that is being read.
pub struct Table {
    settings: Settings,
    reader: csv::Reader<Input>,
    progress: Arc<Progress>,
    columns: Vec<Column>,
    fields: Arc<[String]>,
    ignored: Vec<String>,
    record: ByteRecord,
    /// Why it ends early, to be said once what was sound before is given.
    ends: Option<ImportError>,
}

/// Rows of a file.
#[derive(Debug, Default, PartialEq)]
pub struct Portion {
    /// What is sound.
    pub rows: Vec<Row>,
    /// What is not.
    pub bad: Vec<BadRow>,
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its line in the file, from 1.
    pub line: u64,
    /// The member's number.
    pub member: String,
    /// What it says of them.
    pub says: Says,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq)]
pub enum Says {
    /// Of the member.
    Member {
        /// Values of [`Table::fields`]; `None`: there is none.
        fields: Vec<Option<String>>,
        /// Tags; `false`: it is taken away.
        tags: Vec<(String, bool)>,
    },
    /// That they placed an order.
    Order(Box<Order>),
}

/// An order as a row tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// The shop's number, and what was paid.
    pub order: crate::commerce::Order,
    /// When.
    pub at: Timestamp,
    /// How much of it was undone.
    pub refunded: f64,
}

/// A row that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Its line in the file, from 1.
    pub line: u64,
    /// The column, if it is about one.
    pub column: Option<String>,
    /// Why.
    pub reason: String,
}

/// Why a file cannot be read, or not on from where it is.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file's heading does not do.
    #[error("{0}")]
    Header(String),
    /// A quote swallows everything.
    #[error(
        "the row that begins in line {0} does not end: a quote in it is not closed; rows from there on were not read"
    )]
    Endless(u64),
    /// Reading failed.
    #[error("{0}")]
    Io(io::Error),
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    holds: Holds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Member,
    Field(Type),
    Tags,
    Order,
    At,
    Value,
    Tax,
    Shipping,
    Refunded,
    Currency,
    Coupons,
    Nothing,
}

/// Columns of attributes in one file.
const MAX_FIELDS: usize = 48;
/// Longest name of an attribute, with `attr.` before it, in bytes.
const MAX_NAME: usize = 64;
/// Coupons of one order.
const MAX_COUPONS: usize = 64;
/// What nobody should have in such a file.
const SECRETS: &[&str] =
    &["password", "passwd", "password_hash", "card_number", "credit_card", "cvv", "cvc", "security_code"];

impl Table {
    /// Reads the heading of a file.
    ///
    /// # Errors
    /// When it does not say what the file holds.
    pub fn open(from: Box<dyn Read + Send>, settings: Settings) -> Result<Self, ImportError> {
        let (input, progress) = Input::new(from, settings.encoding);
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(input);
        let header = reader.byte_headers().map_err(|error| failed(error, 1))?.clone();
        progress.row();
        let (mut columns, mut ignored) = (Vec::new(), Vec::new());
        for name in &header {
            let name = std::str::from_utf8(name).ok().filter(|name| !name.contains('\u{FFFD}')).ok_or_else(|| {
                let remedy = settings.in_shift_jis;
                ImportError::Header(format!(
                    "the heading is not in the encoding that was named; for Shift_JIS, {remedy}"
                ))
            })?;
            let column = Column::of(name.trim(), settings.kind).map_err(ImportError::Header)?;
            if column.holds == Holds::Nothing && !column.name.is_empty() {
                ignored.push(column.name.clone());
            }
            if column.holds != Holds::Nothing && columns.iter().any(|one: &Column| one.is_like(&column)) {
                return Err(ImportError::Header(format!("two columns are `{}`", column.name)));
            }
            columns.push(column);
        }
        let needed: &[(Holds, &str)] = match settings.kind {
            Kind::Customers => &[(Holds::Member, "id")],
            Kind::Orders => &[(Holds::Member, "id"), (Holds::Order, "order"), (Holds::At, "at")],
            Kind::Segments => &[(Holds::Member, "id"), (Holds::Tags, "segments")],
        };
        for (holds, name) in needed {
            if !columns.iter().any(|column| column.holds == *holds) {
                let there: Vec<_> = header.iter().map(String::from_utf8_lossy).collect();
                let there = quoted(&there.join(","));
                return Err(ImportError::Header(format!("there is no column `{name}`; the heading is {there}")));
            }
        }
        let is_field = |column: &&Column| matches!(column.holds, Holds::Field(_));
        let fields: Arc<[String]> = columns.iter().filter(is_field).map(|column| column.name.clone()).collect();
        if fields.len() > MAX_FIELDS {
            return Err(ImportError::Header(format!("{} attributes: there may be {MAX_FIELDS}", fields.len())));
        }
        Ok(Self { settings, reader, progress, columns, fields, ignored, record: ByteRecord::new(), ends: None })
    }

    /// Names of the attributes that its rows have.
    #[must_use]
    pub fn fields(&self) -> &Arc<[String]> {
        &self.fields
    }

    /// Columns that are not read.
    #[must_use]
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Bytes of the file that were read.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.progress.read.load(Ordering::Relaxed)
    }

    /// The next rows, so many at most; `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read on.
    pub fn next_portion(&mut self, most: usize) -> Result<Option<Portion>, ImportError> {
        let mut portion = Portion::default();
        while portion.rows.len() + portion.bad.len() < most && self.ends.is_none() {
            let line = self.reader.position().line();
            match self.reader.read_byte_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    self.ends = Some(failed(error, line));
                    break;
                }
            }
            self.progress.row();
            let line = self.record.position().map_or(line, csv::Position::line);
            match self.row(line) {
                Ok(row) => portion.rows.push(row),
                Err((column, reason)) => portion.bad.push(BadRow { line, column, reason }),
            }
        }
        if portion.rows.is_empty() && portion.bad.is_empty() {
            return self.ends.take().map_or(Ok(None), Err);
        }
        Ok(Some(portion))
    }

    fn row(&self, line: u64) -> Result<Row, (Option<String>, Reason)> {
        let (has, wanted) = (self.record.len(), self.columns.len());
        if has != wanted {
            let lines = self.record.iter().flatten().filter(|byte| **byte == b'\n').count();
            let goes_on = match lines {
                0 => String::new(),
                more => format!("; it goes on to line {}: is a quote not closed?", line + more as u64),
            };
            return Err((None, format!("it has {has} columns, and the heading has {wanted}{goes_on}")));
        }
        let mut row = Draft::default();
        for (column, cell) in self.columns.iter().zip(&self.record) {
            self.cell(&mut row, column, cell).map_err(|reason| (Some(column.name.clone()), reason))?;
        }
        let says = match (self.settings.kind, row.at) {
            (Kind::Orders, Some(at)) => Says::Order(Box::new(Order { order: row.order, at, refunded: row.refunded })),
            _ => Says::Member { fields: row.fields, tags: row.tags },
        };
        Ok(Row { line, member: row.member, says })
    }

    fn cell(&self, row: &mut Draft, column: &Column, cell: &[u8]) -> Result<(), Reason> {
        if column.holds == Holds::Nothing {
            return Ok(());
        }
        let cell = std::str::from_utf8(cell).ok().filter(|cell| !cell.contains('\u{FFFD}'));
        let cell = cell.map(str::trim).ok_or_else(|| match self.settings.encoding {
            Encoding::Utf8 => format!("it is not UTF-8: for a file in Shift_JIS, {}", self.settings.in_shift_jis),
            Encoding::ShiftJis => "it is not Shift_JIS".to_owned(),
        })?;
        let needed = matches!(column.holds, Holds::Member | Holds::Order | Holds::At);
        if cell.is_empty() {
            if let Holds::Field(_) = column.holds {
                row.fields.push(None);
            }
            return if needed { Err("it is empty".to_owned()) } else { Ok(()) };
        }
        match column.holds {
            Holds::Member => cells::text(cell)?.clone_into(&mut row.member),
            Holds::Field(of) => row.fields.push(of.read(cell, self.settings.now)?),
            Holds::Tags => row.tags = cells::tags(cell)?,
            Holds::Order => cells::text(cell)?.clone_into(&mut row.order.id),
            Holds::At => row.at = Some(cells::moment(cell, &self.settings.time_zone, self.settings.now)?),
            Holds::Value => row.order.value = Some(cells::amount(cell)?),
            Holds::Tax => row.order.tax = Some(cells::amount(cell)?),
            Holds::Shipping => row.order.shipping = Some(cells::amount(cell)?),
            Holds::Refunded => row.refunded = cells::amount(cell)?,
            Holds::Currency => row.order.currency = Some(cells::currency(cell)?),
            Holds::Coupons => {
                let codes = cell.split(';').map(str::trim).filter(|code| !code.is_empty());
                if codes.clone().nth(MAX_COUPONS).is_some() {
                    return Err(format!("more than {MAX_COUPONS} coupons in one order"));
                }
                row.order.coupons = codes.map(|code| cells::text(code).map(str::to_owned)).collect::<Result<_, _>>()?;
            }
            Holds::Nothing => {}
        }
        Ok(())
    }
}

/// A row that is being read.
#[derive(Default)]
struct Draft {
    member: String,
    fields: Vec<Option<String>>,
    tags: Vec<(String, bool)>,
    order: crate::commerce::Order,
    at: Option<Timestamp>,
    refunded: f64,
}

impl Column {
    fn of(name: &str, kind: Kind) -> Result<Self, String> {
        let known = name.to_ascii_lowercase();
        let column = |holds| Ok(Self { name: known.clone(), holds });
        match (kind, known.as_str()) {
            (_, "") => column(Holds::Nothing),
            (_, "id") => column(Holds::Member),
            (_, secret) if SECRETS.contains(&secret) => {
                Err(format!("leave the column `{name}` out: what it holds is not stored"))
            }
            (Kind::Orders, name) => column(match name {
                "order" | "order_id" | "transaction_id" => Holds::Order,
                "at" | "date" => Holds::At,
                "value" => Holds::Value,
                "tax" => Holds::Tax,
                "shipping" => Holds::Shipping,
                "refunded" => Holds::Refunded,
                "currency" => Holds::Currency,
                "coupon" | "coupons" => Holds::Coupons,
                _ => Holds::Nothing,
            }),
            (Kind::Segments, name) => {
                column(if matches!(name, "segments" | "segment" | "tags") { Holds::Tags } else { Holds::Nothing })
            }
            (Kind::Customers, "tags") => column(Holds::Tags),
            (Kind::Customers, "rank" | "name") => column(Holds::Field(Type::Text)),
            (Kind::Customers, "points") => column(Holds::Field(Type::Int)),
            (Kind::Customers, "gender") => column(Holds::Field(Type::Gender)),
            (Kind::Customers, "birth_date") => column(Holds::Field(Type::BirthDate)),
            (Kind::Customers, "birth_month") => column(Holds::Field(Type::Month)),
            (Kind::Customers, "age") => column(Holds::Field(Type::Age)),
            (Kind::Customers, _) => {
                let (plain, of) = match name.rsplit_once(':') {
                    None => (name, Type::Text),
                    Some((plain, of)) => {
                        let of = Type::named(&of.trim().to_ascii_lowercase());
                        let types = "`:int`, `:number`, `:date` or `:bool`";
                        (plain.trim(), of.ok_or_else(|| format!("the column `{name}` may end in {types}"))?)
                    }
                };
                let plain = plain.strip_prefix("attr.").unwrap_or(plain);
                let name = format!("attr.{plain}");
                if plain.is_empty() || name.len() > MAX_NAME || plain.contains(char::is_control) {
                    return Err(format!("{} is no name of an attribute", quoted(plain)));
                }
                Ok(Self { name, holds: Holds::Field(of) })
            }
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        match (self.holds, other.holds) {
            (Holds::Field(_), Holds::Field(_)) => self.name == other.name,
            (one, other) => one == other,
        }
    }
}

fn failed(error: csv::Error, line: u64) -> ImportError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::InvalidData => ImportError::Endless(line),
        csv::ErrorKind::Io(error) => ImportError::Io(error),
        other => ImportError::Io(io::Error::other(format!("{other:?}"))),
    }
}
