//! Makes coupon codes of patterns.
//!
//! Codes are as unpredictable as the random bytes that a maker begins with, and none has a letter that is mistaken for another or
//! that could spell a word. Knows nothing of pools; that a code is new is for the caller to see.

use crate::ids::Random;
use sha2::{Digest as _, Sha256};
use std::sync::atomic::{AtomicU64, Ordering};

/// Without 0 O, 1 I L, 2 Z, 5 S, 8 B, U V, and without vowels.
const LETTERS: &[u8; 20] = b"CDFGHJKMNPQRTWXY3679";
/// Bytes below it are an equal number of times each letter.
const EVEN: u8 = 240;

/// How many codes a pattern can become.
#[must_use]
pub fn combinations(pattern: &str) -> u128 {
    pattern.matches('?').fold(1, |all: u128, _| all.saturating_mul(LETTERS.len() as u128))
}

/// Makes codes.
pub(super) struct CodeMaker {
    secret: [u8; 32],
    blocks: AtomicU64,
}

impl CodeMaker {
    pub(super) fn new(random: &dyn Random) -> Self {
        let mut secret = [0; 32];
        random.fill(&mut secret);
        Self { secret, blocks: AtomicU64::new(0) }
    }

    /// Another code of a pattern: each `?` becomes a letter or a digit.
    pub(super) fn make(&self, pattern: &str) -> String {
        let mut letters = std::iter::repeat_with(|| self.block())
            .flatten()
            .filter(|byte| *byte < EVEN)
            .filter_map(|byte| LETTERS.get(usize::from(byte) % LETTERS.len()))
            .map(|letter| char::from(*letter));
        pattern.chars().filter_map(|c| if c == '?' { letters.next() } else { Some(c) }).collect()
    }

    /// The next 32 bytes: nobody without the secret can tell them from random ones.
    fn block(&self) -> [u8; 32] {
        let number = self.blocks.fetch_add(1, Ordering::Relaxed);
        Sha256::new().chain_update(self.secret).chain_update(number.to_le_bytes()).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OsRandom;
    use std::collections::HashSet;

    #[test]
    fn codes_follow_their_pattern_and_differ() {
        let maker = CodeMaker::new(&OsRandom);
        let codes: HashSet<String> = (0..1000).map(|_| maker.make("夜-????-????")).collect();
        assert_eq!(codes.len(), 1000);
        let mut seen = HashSet::new();
        for code in &codes {
            let letters: Vec<char> = code.strip_prefix("夜-").unwrap().chars().collect();
            assert!(letters.len() == 9 && letters[4] == '-', "{code}");
            seen.extend(letters);
        }
        let known: HashSet<char> = LETTERS.iter().map(|letter| char::from(*letter)).chain(['-']).collect();
        assert_eq!(seen, known, "every letter comes, and no other");
        assert_eq!(combinations("夜-????-????"), 20_u128.pow(8));
        assert_eq!(combinations("fixed"), 1);
    }
}
