//! A file's bytes as UTF-8, counted, and none too many for one row.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How a file is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// Shift_JIS, as Windows and Excel write it.
    ShiftJis,
}

/// More bytes than any row has: a quote was opened and not closed.
const LONGEST_ROW: u64 = 1 << 20;

/// Reads a file for the table.
pub(super) struct Input {
    from: Box<dyn Read + Send>,
    decoder: Option<encoding_rs::Decoder>,
    /// Decoded, and not taken yet from `at` on.
    decoded: Vec<u8>,
    at: usize,
    ended: bool,
    /// The last byte was a carriage return.
    after_return: bool,
    progress: Arc<Progress>,
}

/// How far a file is read.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Bytes of the file.
    pub(super) read: AtomicU64,
    /// Bytes given since the last whole row.
    since_row: AtomicU64,
}

impl Progress {
    /// A row has ended.
    pub(super) fn row(&self) {
        self.since_row.store(0, Ordering::Relaxed);
    }
}

impl Input {
    pub(super) fn new(from: Box<dyn Read + Send>, encoding: Encoding) -> (Self, Arc<Progress>) {
        let progress = Arc::new(Progress::default());
        let decoder = match encoding {
            Encoding::Utf8 => None,
            Encoding::ShiftJis => Some(encoding_rs::SHIFT_JIS.new_decoder_without_bom_handling()),
        };
        let input = Self {
            from,
            decoder,
            decoded: Vec::new(),
            at: 0,
            ended: false,
            after_return: false,
            progress: progress.clone(),
        };
        (input, progress)
    }

    fn read_raw(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = loop {
            match self.from.read(into) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                done => break done?,
            }
        };
        self.progress.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }

    fn decode_more(&mut self) -> io::Result<()> {
        let mut raw = [0; 16 << 10];
        let read = self.read_raw(&mut raw)?;
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        let room = decoder.max_utf8_buffer_length(read).unwrap_or(raw.len() * 3 + 16);
        self.decoded.resize(room, 0);
        // What is no Shift_JIS becomes U+FFFD, which no cell may hold.
        let raw = raw.get(..read).unwrap_or_default();
        let (_, _, written, _) = decoder.decode_to_utf8(raw, &mut self.decoded, read == 0);
        self.decoded.truncate(written);
        (self.at, self.ended) = (0, read == 0);
        Ok(())
    }

    /// The next bytes as UTF-8, lines ending as they may.
    fn fill(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.decoder.is_none() {
            return self.read_raw(into);
        }
        while self.at >= self.decoded.len() && !self.ended {
            self.decode_more()?;
        }
        let rest = self.decoded.get(self.at..).unwrap_or_default();
        let given = rest.len().min(into.len());
        if let (Some(into), Some(rest)) = (into.get_mut(..given), rest.get(..given)) {
            into.copy_from_slice(rest);
        }
        self.at += given;
        Ok(given)
    }

    /// Has each line end in a line feed alone, so that lines are counted right. Says how many bytes are left.
    fn unify(&mut self, bytes: &mut [u8]) -> usize {
        if !self.after_return && memchr::memchr(b'\r', bytes).is_none() {
            return bytes.len();
        }
        let mut kept = 0;
        for at in 0..bytes.len() {
            let byte = bytes.get(at).copied().unwrap_or_default();
            let is_second = byte == b'\n' && self.after_return;
            self.after_return = byte == b'\r';
            if !is_second && let Some(place) = bytes.get_mut(kept) {
                *place = if byte == b'\r' { b'\n' } else { byte };
                kept += 1;
            }
        }
        kept
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.progress.since_row.load(Ordering::Relaxed) > LONGEST_ROW {
            return Err(io::Error::new(ErrorKind::InvalidData, RowTooLong));
        }
        loop {
            let given = self.fill(into)?;
            let kept = into.get_mut(..given).map_or(0, |bytes| self.unify(bytes));
            if kept > 0 || given == 0 {
                self.progress.since_row.fetch_add(kept as u64, Ordering::Relaxed);
                return Ok(kept);
            }
        }
    }
}

/// A row does not end.
#[derive(Debug, thiserror::Error)]
#[error("a row of more than {} KiB", LONGEST_ROW >> 10)]
pub(super) struct RowTooLong;
