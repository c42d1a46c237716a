//! A tag's attributes, read from its bytes as a browser reads them.

/// The attributes in the bytes between a tag's name and its `>`.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::transform) struct Attributes<'a>(pub(super) &'a [u8]);

impl<'a> Attributes<'a> {
    /// The value of the first attribute of a name, undecoded.
    pub(in crate::transform) fn get(self, name: &[u8]) -> Option<&'a [u8]> {
        self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Names and values, undecoded.
    pub(in crate::transform) fn iter(self) -> Iter<'a> {
        Iter(self.0)
    }

    /// The same for tags of the same attributes, in whichever order.
    pub(super) fn fingerprint(self) -> u64 {
        self.iter().fold(0_u64, |sum, (name, value)| {
            let hash = |bytes: &[u8], seed: u64| {
                bytes.iter().fold(seed, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3))
            };
            let name = name.iter().fold(0xCBF2_9CE4_8422_2325, |seed, byte| hash(&[byte.to_ascii_lowercase()], seed));
            sum.wrapping_add(hash(value, hash(b"=", name)))
        })
    }
}

/// See [`Attributes::iter`].
pub(in crate::transform) struct Iter<'a>(&'a [u8]);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = skip(self.0, |byte| is_space(byte) || byte == b'/');
        let first = rest.first()?;
        // An equals sign may begin a name.
        let begun = usize::from(*first == b'=');
        let length = begun + until(rest.get(begun..)?, |byte| is_space(byte) || matches!(byte, b'/' | b'='));
        let (name, after) = rest.split_at_checked(length)?;
        let Some(value) = skip(after, is_space).strip_prefix(b"=") else {
            self.0 = after;
            return Some((name, b""));
        };
        let value = skip(value, is_space);
        let (value, after) = match value.first() {
            Some(quote @ (b'"' | b'\'')) => {
                let inside = value.get(1..)?;
                let end = memchr::memchr(*quote, inside).unwrap_or(inside.len());
                (inside.get(..end)?, inside.get(end + 1..).unwrap_or_default())
            }
            _ => value.split_at_checked(until(value, is_space))?,
        };
        self.0 = after;
        Some((name, value))
    }
}

fn skip(bytes: &[u8], what: impl Fn(u8) -> bool) -> &[u8] {
    bytes.get(until(bytes, |byte| !what(byte))..).unwrap_or_default()
}

fn until(bytes: &[u8], what: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| what(*byte)).unwrap_or(bytes.len())
}

/// White space as HTML has it.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0C | b'\r' | b' ')
}
