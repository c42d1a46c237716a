//! What stands around the DEFLATE data of gzip: the headers and trailers of its members. Knows nothing of the data.

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A header has ended: a member's data follow.
    Data,
    /// The trailer that ended a member: CRC-32 and length of what its data decode to.
    Trailer([u8; 8]),
}

/// The bytes are not a gzip member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotGzip;

/// Reads headers and trailers, in pieces of any size.
pub(super) struct Members {
    phase: Phase,
    /// Bytes of a header or trailer that was split over chunks.
    buffer: [u8; 10],
    filled: usize,
    flags: u8,
    /// A member has ended.
    any: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The ten bytes that begin a member.
    Start,
    ExtraLength,
    Extra(usize),
    Name,
    Comment,
    HeaderCrc,
    Data,
    Trailer,
    /// What follows the last member is no part of the body.
    Ended,
}

const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

impl Members {
    pub(super) fn new() -> Self {
        Self { phase: Phase::Start, buffer: [0; 10], filled: 0, flags: 0, any: false }
    }

    /// Whether what comes next is a member's data.
    pub(super) fn in_data(&self) -> bool {
        self.phase == Phase::Data
    }

    /// The data have ended; the trailer follows.
    pub(super) fn data_ended(&mut self) {
        self.phase = Phase::Trailer;
    }

    /// Whether what follows is no part of the body any more.
    pub(super) fn is_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Whether the body may end here.
    pub(super) fn is_complete(&self) -> bool {
        self.is_ended() || (self.phase == Phase::Start && self.any && self.filled == 0)
    }

    /// Reads on, until an event or until the input is used up.
    pub(super) fn read(&mut self, input: &mut &[u8]) -> Result<Option<Event>, NotGzip> {
        while !input.is_empty() {
            match self.phase {
                Phase::Start => self.start(input)?,
                Phase::ExtraLength => {
                    if let Some([low, high, ..]) = self.collect(2, input) {
                        self.phase = Phase::Extra(usize::from(u16::from_le_bytes([low, high])));
                    }
                }
                Phase::Extra(left) => {
                    let skipped = left.min(input.len());
                    *input = input.get(skipped..).unwrap_or_default();
                    self.phase = Phase::Extra(left - skipped);
                }
                Phase::Name => self.skip_text(input, NAME),
                Phase::Comment => self.skip_text(input, COMMENT),
                Phase::HeaderCrc => {
                    if self.collect(2, input).is_some() {
                        self.flags &= !HEADER_CRC;
                    }
                }
                Phase::Trailer => {
                    let Some([trailer @ .., _, _]) = self.collect(8, input) else { return Ok(None) };
                    self.phase = Phase::Start;
                    self.any = true;
                    return Ok(Some(Event::Trailer(trailer)));
                }
                Phase::Data | Phase::Ended => return Ok(None),
            }
            if self.next_header_field() {
                return Ok(Some(Event::Data));
            }
        }
        Ok(None)
    }

    /// Gathers `count` bytes over chunks.
    fn collect(&mut self, count: usize, input: &mut &[u8]) -> Option<[u8; 10]> {
        while self.filled < count {
            let (&byte, rest) = input.split_first()?;
            *self.buffer.get_mut(self.filled)? = byte;
            self.filled += 1;
            *input = rest;
        }
        self.filled = 0;
        Some(self.buffer)
    }

    fn start(&mut self, input: &mut &[u8]) -> Result<(), NotGzip> {
        // Padding after the last member is not the beginning of another.
        if self.any && self.filled == 0 && input.first() != Some(&0x1F) {
            self.phase = Phase::Ended;
            return Ok(());
        }
        match self.collect(10, input) {
            None => Ok(()),
            Some([0x1F, 0x8B, 8, flags, ..]) if flags & 0xE0 == 0 => {
                self.flags = flags;
                self.phase = if flags & EXTRA == 0 { Phase::Extra(0) } else { Phase::ExtraLength };
                Ok(())
            }
            Some(_) if self.any => {
                self.phase = Phase::Ended;
                Ok(())
            }
            Some(_) => Err(NotGzip),
        }
    }

    /// After a header field: the next one that the flags announce. Whether the header has ended.
    fn next_header_field(&mut self) -> bool {
        if !matches!(self.phase, Phase::Extra(0) | Phase::Name | Phase::Comment | Phase::HeaderCrc) {
            return false;
        }
        self.phase = if self.flags & NAME != 0 {
            Phase::Name
        } else if self.flags & COMMENT != 0 {
            Phase::Comment
        } else if self.flags & HEADER_CRC != 0 {
            Phase::HeaderCrc
        } else {
            Phase::Data
        };
        self.phase == Phase::Data
    }

    fn skip_text(&mut self, input: &mut &[u8], flag: u8) {
        let end = memchr::memchr(0, input);
        *input = end.and_then(|end| input.get(end + 1..)).unwrap_or_default();
        if end.is_some() {
            self.flags &= !flag;
        }
    }
}
