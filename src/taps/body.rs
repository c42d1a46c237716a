//! A request's body, by its kind, and the fields that were found in it.

use super::{LONGEST_BODY, multipart, urlencoded};
use crate::site::taps::{Named, Pick, Pointer};
use http::{HeaderMap, header};
use serde_json::Value;

/// Longest value that is kept, in bytes.
const LONGEST_VALUE: usize = 2_048;

/// A body under reading.
pub(super) enum Body {
    /// There is none, or none that is understood.
    None,
    /// `application/x-www-form-urlencoded`.
    Urlencoded(urlencoded::Reader, Form),
    /// `multipart/form-data`.
    Multipart(multipart::Reader, Form),
    /// `application/json`.
    Json { text: Vec<u8>, wanted: Vec<Named>, cut: bool },
}

/// What was found.
pub(super) enum Found {
    None,
    Form(Form),
    Json(Value),
}

/// The wanted fields of a form, and what has come of them.
pub(super) struct Form {
    wanted: Vec<Named>,
    values: Vec<Option<Text>>,
    /// Bytes of the body that may be read yet.
    left: usize,
}

/// A text as it came.
#[derive(Debug, Clone, Default)]
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
    /// It was longer.
    pub(super) cut: bool,
}

impl Body {
    pub(super) fn new(headers: &HeaderMap, wanted: Vec<Named>) -> Self {
        if wanted.is_empty() || headers.contains_key(header::CONTENT_ENCODING) {
            return Self::None;
        }
        let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else {
            return Self::None;
        };
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Self::Urlencoded(urlencoded::Reader::default(), Form::new(wanted))
        } else if essence.eq_ignore_ascii_case("multipart/form-data") {
            multipart::Reader::new(kind).map_or(Self::None, |reader| Self::Multipart(reader, Form::new(wanted)))
        } else if is_json(essence) {
            Self::Json { text: Vec::new(), wanted, cut: false }
        } else {
            Self::None
        }
    }

    /// Bytes that it may keep.
    pub(super) fn footprint(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Urlencoded(_, form) | Self::Multipart(_, form) => form.wanted.len() * LONGEST_VALUE,
            Self::Json { .. } => LONGEST_BODY,
        }
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        match self {
            Self::None => {}
            Self::Urlencoded(reader, form) => {
                let piece = form.allowed(piece);
                reader.push(piece, form);
            }
            Self::Multipart(reader, form) => {
                let piece = form.allowed(piece);
                reader.push(piece, form);
            }
            Self::Json { text, cut, .. } => {
                *cut |= text.len() + piece.len() > LONGEST_BODY;
                if *cut {
                    *text = Vec::new();
                } else {
                    text.extend_from_slice(piece);
                }
            }
        }
    }

    pub(super) fn finish(self) -> Found {
        match self {
            Self::None => Found::None,
            Self::Urlencoded(reader, mut form) => {
                reader.finish(&mut form);
                Found::Form(form)
            }
            Self::Multipart(reader, mut form) => {
                reader.finish(&mut form);
                Found::Form(form)
            }
            Self::Json { text, wanted, cut } => {
                let pointers: Vec<&Pointer> = wanted.iter().map(|named| &named.pointer).collect();
                match (cut, Pick::read(pointers, &text)) {
                    (false, Ok(value)) => Found::Json(value),
                    _ => Found::None,
                }
            }
        }
    }
}

impl Form {
    fn new(wanted: Vec<Named>) -> Self {
        Self { values: vec![None; wanted.len()], wanted, left: LONGEST_BODY }
    }

    /// A form of which one field is wanted, however long it is: a query was bounded with its head.
    pub(super) fn of_one(name: &str) -> Option<Self> {
        Some(Self { left: usize::MAX, ..Self::new(vec![Named::new(name)?]) })
    }

    /// As much of a piece as may be read.
    fn allowed<'p>(&mut self, piece: &'p [u8]) -> &'p [u8] {
        let piece = piece.get(..self.left).unwrap_or(piece);
        self.left -= piece.len();
        piece
    }

    /// Whether all that was allowed has been read: what is under way may be only a part.
    pub(super) fn is_cut(&self) -> bool {
        self.left == 0
    }

    /// The number of a field, if it is wanted.
    pub(super) fn number(&self, name: &[u8]) -> Option<usize> {
        self.wanted.iter().position(|named| named.name.as_bytes() == name)
    }

    /// A field begins anew: of several of one name, the last counts.
    pub(super) fn begin(&mut self, number: usize) {
        if let Some(value) = self.values.get_mut(number) {
            *value = Some(Text::default());
        }
    }

    /// Forgets a field: its end did not come.
    pub(super) fn forget(&mut self, number: usize) {
        if let Some(value) = self.values.get_mut(number) {
            *value = None;
        }
    }

    /// A field goes on.
    pub(super) fn push(&mut self, number: usize, byte: u8) {
        if let Some(Some(text)) = self.values.get_mut(number) {
            text.push(byte);
        }
    }

    /// A field as it came.
    pub(super) fn text(&self, name: &str) -> Option<&Text> {
        self.values.get(self.number(name.as_bytes())?)?.as_ref()
    }
}

impl Text {
    pub(super) fn push(&mut self, byte: u8) {
        if self.bytes.len() < LONGEST_VALUE {
            self.bytes.push(byte);
        } else {
            self.cut = true;
        }
    }
}

/// Whether a media type is JSON. Some shops call it a script.
pub(super) fn is_json(essence: &str) -> bool {
    let essence = essence.to_ascii_lowercase();
    let is = |kinds: &[&str]| kinds.contains(&essence.as_str());
    is(&["application/json", "text/json", "text/javascript", "application/javascript"]) || essence.ends_with("+json")
}
