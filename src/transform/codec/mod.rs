//! Content codings, streaming in both directions: output in bounded slices, flushed with each chunk, bombs refused.
//!
//! Knows nothing of HTML. A body that is cut off or corrupt is an error, so that it is never ended as if it were complete.

mod brotli;
mod deflate;
mod gzip;
mod limits;
mod member;
mod splice;
mod zlib;
mod zstd;

use super::Limits;
use bytes::BytesMut;
use limits::Meter;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) use limits::RATIO_GRACE;
pub(super) use splice::Splicer;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) use splice::player;

/// Size of the slices in which decoded bytes are handed on.
pub(super) const SLICE: usize = 16 * 1024;

/// A content coding that we can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// None.
    Identity,
    /// `gzip` (RFC 1952), several members included.
    Gzip,
    /// `deflate`: zlib (RFC 1950), or raw DEFLATE as some servers send it.
    Deflate,
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878).
    Zstd,
}

impl Coding {
    /// The coding of a token in `Content-Encoding` or `Accept-Encoding`.
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        const TOKENS: [(&str, Coding); 6] = [
            ("identity", Coding::Identity),
            ("gzip", Coding::Gzip),
            ("x-gzip", Coding::Gzip),
            ("deflate", Coding::Deflate),
            ("br", Coding::Brotli),
            ("zstd", Coding::Zstd),
        ];
        TOKENS.iter().find(|(name, _)| name.eq_ignore_ascii_case(token.trim())).map(|(_, coding)| *coding)
    }

    /// The token in `Content-Encoding`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// Why a body could not be decoded or encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes are not of the coding.
    #[error("the {} body is corrupt", .0.as_str())]
    Corrupt(Coding),
    /// The body ended too early.
    #[error("the {} body is cut off", .0.as_str())]
    Truncated(Coding),
    /// The body unpacks to more than is allowed.
    #[error("the {} body unpacks to more than is allowed", .0.as_str())]
    Bomb(Coding),
    /// The encoder failed.
    #[error("the {} encoder failed", .0.as_str())]
    Encoder(Coding),
}

/// Takes decoded slices.
type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), CodecError>;

/// Decodes one body.
pub(super) struct Decoder {
    coding: Coding,
    inner: DecoderKind,
    meter: Meter,
}

enum DecoderKind {
    Inflate(deflate::Inflate),
    Brotli(Box<brotli::BrotliDecoder>),
    Zstd(zstd::ZstdDecoder),
}

impl Decoder {
    /// A decoder; `None` for identity.
    pub(super) fn new(coding: Coding, limits: Limits) -> Result<Option<Self>, CodecError> {
        let inner = match coding {
            Coding::Identity => return Ok(None),
            Coding::Gzip => DecoderKind::Inflate(deflate::Inflate::gzip()),
            Coding::Deflate => DecoderKind::Inflate(deflate::Inflate::deflate()),
            Coding::Brotli => DecoderKind::Brotli(Box::default()),
            Coding::Zstd => DecoderKind::Zstd(zstd::ZstdDecoder::new()?),
        };
        Ok(Some(Self { coding, inner, meter: Meter::new(coding, limits) }))
    }

    /// Decodes a chunk; decoded bytes go to the sink in slices of bounded size.
    pub(super) fn push(&mut self, chunk: &[u8], sink: Sink<'_>) -> Result<(), CodecError> {
        self.meter.coded(chunk.len());
        let meter = &mut self.meter;
        let mut counted = |slice: &[u8]| {
            meter.decoded(slice.len())?;
            sink(slice)
        };
        match &mut self.inner {
            DecoderKind::Inflate(inner) => inner.push(chunk, &mut counted),
            DecoderKind::Brotli(inner) => inner.push(chunk, &mut counted),
            DecoderKind::Zstd(inner) => inner.push(chunk, &mut counted),
        }
    }

    /// Bytes that were decoded so far.
    pub(super) fn decoded(&self) -> u64 {
        self.meter.total()
    }

    /// Whether the body has ended where it may end.
    pub(super) fn finish(&self) -> Result<(), CodecError> {
        let complete = match &self.inner {
            DecoderKind::Inflate(inner) => inner.is_complete(),
            DecoderKind::Brotli(inner) => inner.is_complete(),
            DecoderKind::Zstd(inner) => inner.is_complete(),
        };
        // No byte at all is an empty body, as browsers see it.
        if complete || self.meter.is_empty() { Ok(()) } else { Err(CodecError::Truncated(self.coding)) }
    }
}

/// Encodes one body.
pub(super) enum Encoder {
    /// See [`Coding::Gzip`].
    Gzip(gzip::GzipEncoder),
    /// See [`Coding::Brotli`].
    Brotli(Box<brotli::BrotliEncoder>),
    /// See [`Coding::Deflate`].
    Deflate(zlib::ZlibEncoder),
    /// See [`Coding::Zstd`].
    Zstd(zstd::ZstdEncoder),
}

impl Encoder {
    /// An encoder; `None` for identity.
    pub(super) fn new(coding: OutCoding) -> Result<Option<Self>, CodecError> {
        Ok(Some(match coding {
            OutCoding::Identity => return Ok(None),
            OutCoding::Gzip => Self::Gzip(gzip::GzipEncoder::new()),
            OutCoding::Brotli => Self::Brotli(Box::default()),
            OutCoding::Deflate => Self::Deflate(zlib::ZlibEncoder::new()),
            OutCoding::Zstd => Self::Zstd(zstd::ZstdEncoder::new()?),
        }))
    }

    /// Encodes a piece.
    pub(super) fn push(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), CodecError> {
        match self {
            Self::Gzip(inner) => inner.push(plain, out),
            Self::Brotli(inner) => inner.push(plain, out),
            Self::Deflate(inner) => inner.push(plain, out),
            Self::Zstd(inner) => inner.push(plain, out),
        }
    }

    /// Lets out all that was pushed, so that a page that streams goes on streaming.
    pub(super) fn flush(&mut self, out: &mut BytesMut) -> Result<(), CodecError> {
        match self {
            Self::Gzip(inner) => inner.flush(out),
            Self::Brotli(inner) => inner.flush(out),
            Self::Deflate(inner) => inner.flush(out),
            Self::Zstd(inner) => inner.flush(out),
        }
    }

    /// Ends the body.
    pub(super) fn finish(self, out: &mut BytesMut) -> Result<(), CodecError> {
        match self {
            Self::Gzip(inner) => inner.finish(out),
            Self::Brotli(inner) => {
                inner.finish(out);
                Ok(())
            }
            Self::Deflate(inner) => inner.finish(out),
            Self::Zstd(inner) => inner.finish(out),
        }
    }
}

/// A content coding that we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutCoding {
    /// None.
    Identity,
    /// See [`Coding::Gzip`].
    Gzip,
    /// See [`Coding::Brotli`].
    Brotli,
    /// See [`Coding::Deflate`]; written as zlib.
    Deflate,
    /// See [`Coding::Zstd`].
    Zstd,
}

impl OutCoding {
    /// The token in `Content-Encoding`; `None` for identity, which has no header.
    #[must_use]
    pub fn token(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
            Self::Deflate => Some("deflate"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// The coding as one that we read.
    #[must_use]
    pub fn coding(self) -> Coding {
        match self {
            Self::Identity => Coding::Identity,
            Self::Gzip => Coding::Gzip,
            Self::Brotli => Coding::Brotli,
            Self::Deflate => Coding::Deflate,
            Self::Zstd => Coding::Zstd,
        }
    }
}

#[cfg(test)]
mod tests;
