//! An answer in JSON: decoded beside the bytes that go to the client, gathered as far as is allowed, read at its end.

use super::LONGEST_ANSWER;
use super::form::is_json_type;
use crate::site::taps::{Pick, Pointer};
use crate::transform::Aside;
use http::{HeaderMap, header};
use serde_json::Value;

/// An answer under reading.
pub(super) struct Answer {
    aside: Aside,
    text: Vec<u8>,
}

impl Answer {
    /// Begins to read, if the answer is JSON in a coding that is understood.
    pub(super) fn new(headers: &HeaderMap) -> Option<Self> {
        let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if !is_json_type(kind) || length.is_some_and(|length| length > LONGEST_ANSWER) {
            return None;
        }
        Some(Self { aside: Aside::new(headers)?, text: Vec::new() })
    }

    /// Bytes that it may take.
    pub(super) fn footprint(&self) -> usize {
        LONGEST_ANSWER + self.aside.footprint(LONGEST_ANSWER)
    }

    /// Reads on; false if it need not be given any more: it is longer than allowed, or not what it says it is.
    pub(super) fn push(&mut self, piece: &[u8]) -> bool {
        let text = &mut self.text;
        self.aside.push(piece, &mut |plain| {
            let fits = text.len() + plain.len() <= LONGEST_ANSWER;
            if fits {
                text.extend_from_slice(plain);
            }
            fits
        })
    }

    /// The values that were wanted.
    pub(super) fn read(self, pointers: Vec<&Pointer>) -> Option<Value> {
        Pick::read(pointers, &self.text).ok()
    }
}
