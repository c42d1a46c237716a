//! The checksums of gzip (CRC-32 and length) and zlib (Adler-32).

use crc32fast::Hasher;

/// A checksum of what was seen so far.
#[derive(Debug)]
pub(super) enum Check {
    /// CRC-32, and the number of bytes.
    Crc(Hasher, u32),
    /// Adler-32.
    Adler(Adler),
}

impl Check {
    pub(super) fn crc() -> Self {
        Self::Crc(Hasher::new(), 0)
    }

    pub(super) fn adler() -> Self {
        Self::Adler(Adler::default())
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(crc, amount) => {
                crc.update(bytes);
                *amount = amount.wrapping_add(bytes.len() as u32);
            }
            Self::Adler(adler) => adler.update(bytes),
        }
    }

    pub(super) fn reset(&mut self) {
        match self {
            Self::Crc(..) => *self = Self::crc(),
            Self::Adler(_) => *self = Self::adler(),
        }
    }

    /// Goes on by what another one of the same kind has seen.
    pub(super) fn append(&mut self, other: &Self) {
        match (self, other) {
            (Self::Crc(crc, amount), Self::Crc(other, more)) => {
                crc.combine(other);
                *amount = amount.wrapping_add(*more);
            }
            (Self::Adler(adler), Self::Adler(other)) => adler.append(other),
            _ => {}
        }
    }

    /// The trailer that says so, and its size.
    pub(super) fn trailer(&self) -> ([u8; 8], usize) {
        match self {
            Self::Crc(crc, amount) => ((u64::from(crc.clone().finalize()) | u64::from(*amount) << 32).to_le_bytes(), 8),
            Self::Adler(adler) => (u64::from(adler.sum().swap_bytes()).to_le_bytes(), 4),
        }
    }
}

const MODULUS: u32 = 65_521;
/// So many bytes can be summed up before the sums have to be reduced.
const BATCH: usize = 5_552;

/// Adler-32 (RFC 1950).
#[derive(Debug)]
pub(super) struct Adler {
    low: u32,
    high: u32,
    /// Bytes seen.
    amount: u64,
}

impl Default for Adler {
    fn default() -> Self {
        Self { low: 1, high: 0, amount: 0 }
    }
}

impl Adler {
    fn update(&mut self, bytes: &[u8]) {
        for batch in bytes.chunks(BATCH) {
            let (lanes, rest) = batch.as_chunks::<16>();
            for lane in lanes {
                let (mut sum, mut weighted) = (0, 0);
                for (&byte, weight) in lane.iter().zip((1..=16).rev()) {
                    sum += u32::from(byte);
                    weighted += u32::from(byte) * weight;
                }
                self.high += self.low * 16 + weighted;
                self.low += sum;
            }
            for &byte in rest {
                self.low += u32::from(byte);
                self.high += self.low;
            }
            self.low %= MODULUS;
            self.high %= MODULUS;
        }
        self.amount += bytes.len() as u64;
    }

    fn append(&mut self, other: &Self) {
        // The other one began at 1, not where we are.
        let shift = u64::from((self.low + MODULUS - 1) % MODULUS);
        let shifted = (other.amount % u64::from(MODULUS)) * shift;
        self.high = ((u64::from(self.high) + u64::from(other.high) + shifted) % u64::from(MODULUS)) as u32;
        self.low = (self.low + other.low + MODULUS - 1) % MODULUS;
        self.amount += other.amount;
    }

    fn sum(&self) -> u32 {
        self.high << 16 | self.low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adler_is_the_one_of_zlib_in_one_piece_or_several() {
        let mut whole = Adler::default();
        whole.update(b"Wikipedia");
        assert_eq!(whole.sum(), 0x11E6_0398);
        let bytes: Vec<u8> = (0..40_000_u32).map(|n| 255 - (n % 7) as u8).collect();
        for cut in [0, 1, 15, 16, 5_552, 5_553, 39_999, 40_000] {
            let (mut whole, mut first, mut second) = (Adler::default(), Adler::default(), Adler::default());
            whole.update(&bytes);
            first.update(&bytes[..cut]);
            second.update(&bytes[cut..]);
            let mut simple = (1_u32, 0_u32);
            for &byte in &bytes {
                simple.0 = (simple.0 + u32::from(byte)) % MODULUS;
                simple.1 = (simple.1 + simple.0) % MODULUS;
            }
            assert_eq!(whole.sum(), simple.1 << 16 | simple.0);
            first.append(&second);
            assert_eq!(first.sum(), whole.sum(), "cut at {cut}");
        }
    }
}
