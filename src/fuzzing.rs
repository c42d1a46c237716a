//! What fuzz targets share: how an input's bytes become choices, and how the ordinary tests run the corpus again.
//!
//! Targets stand beside the code that they try, each in a `fuzz.rs`: a function that takes one input and panics where a
//! promise is broken. `tests/fuzz` drives them with libFuzzer. Compiled for tests and with the feature `fuzzing` alone; knows no
//! target.

use std::borrow::Cow;

/// An input, read as choices and a body. Choices are taken off the end, so that the body begins where a person looks.
#[derive(Debug, Clone)]
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// Takes an input up.
    pub fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// One byte off the end; 0 when there is none.
    pub fn byte(&mut self) -> u8 {
        let Some((last, rest)) = self.0.split_last() else { return 0 };
        self.0 = rest;
        *last
    }

    /// A number below `bound`, which is 256 at most.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// Yes or no.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// One of a list.
    ///
    /// # Panics
    /// When the list is empty.
    #[expect(clippy::indexing_slicing, reason = "a target that offers nothing is wrong")]
    pub fn of<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len())]
    }

    /// All that is left.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    /// All that is left, as text.
    pub fn text(self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.0)
    }
}

/// Numbers that follow from a seed: for what an input cannot hold choice by choice.
#[derive(Debug, Clone)]
pub struct Numbers(u64);

impl Numbers {
    /// Begins anew.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next one, below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound.max(1)
    }

    /// Cuts bytes into pieces: sometimes single bytes, sometimes large ones.
    pub fn pieces<'b>(&mut self, mut bytes: &'b [u8]) -> Vec<&'b [u8]> {
        let largest = [1, 7, 200, bytes.len()].get(self.below(4)).copied().unwrap_or(1);
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at((self.below(largest) + 1).min(bytes.len()));
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }
}

/// Runs a target's corpus, and then `rounds` inputs made from it by chance. The seed is fixed; `NOREN_SEED` sets another.
#[cfg(test)]
pub(crate) fn replay(target: &str, rounds: usize, run: fn(&[u8])) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let corpus: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert!(corpus.len() > 4, "the corpus is where it is looked for");
    for (file, input) in files.iter().zip(&corpus) {
        let _shown = Shown { name: file.display().to_string(), input };
        run(input);
    }
    #[expect(clippy::disallowed_methods, reason = "pins a failing test's seed")]
    let seed = std::env::var("NOREN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut chance = Numbers::new(seed);
    for round in 0..rounds {
        let input = mutated(&corpus, &mut chance);
        let _shown = Shown { name: format!("round {round} of NOREN_SEED={seed}"), input: &input };
        run(&input);
    }
}

/// An input of the corpus with a few changes.
#[cfg(test)]
fn mutated(corpus: &[Vec<u8>], chance: &mut Numbers) -> Vec<u8> {
    const TELLING: &[u8] = b"\0\xff\x01\x02\"'<>/&;=\n\r\t -_.,:{}[]()!?#%\x7f\x80";
    let mut input = corpus[chance.below(corpus.len())].clone();
    for _ in 0..=chance.below(4) {
        let at = chance.below(input.len() + 1);
        let end = (at + 1 + chance.below(12)).min(input.len());
        match chance.below(6) {
            0 if at < input.len() => input[at] ^= 1 << chance.below(8),
            1 if at < input.len() => input[at] = TELLING[chance.below(TELLING.len())],
            2 => input.insert(at, TELLING[chance.below(TELLING.len())]),
            3 => drop(input.drain(at..end)),
            4 => {
                let copy = input[at..end].to_vec();
                input.splice(at..at, copy);
            }
            _ => {
                let other = &corpus[chance.below(corpus.len())];
                let from = chance.below(other.len() + 1);
                let to = (from + chance.below(64)).min(other.len());
                input.splice(at..end, other[from..to].iter().copied());
            }
        }
    }
    input
}

/// Shows the input under which a test fails.
#[cfg(test)]
struct Shown<'i> {
    name: String,
    input: &'i [u8],
}

#[cfg(test)]
impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}:\n{}", self.name, self.input.escape_ascii());
        }
    }
}
