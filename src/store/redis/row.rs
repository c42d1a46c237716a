//! A profile as Redis has it: a revision, who wrote it last, and the profile's bytes.
//!
//! The profile may be sealed; what stands before it never is, and says nothing of the visitor.
//!
//! A row without a profile says that it was erased, to those who still have it in memory, and goes after an hour.
//!
//! The revision is the server's time in microseconds, and grows with each write: a row that was lost with a server and begun anew
//! is newer than the one that was lost. The last few writers are kept with the numbers of their writes. By them a process whose
//! write was never answered learns whether it is in what others have written over it: nothing is counted twice.

use std::sync::Arc;

/// Writes a profile over the revision that is known; gives the new revision, or else the row that is there.
///
/// `ARGV`: the known revision, process and number of the write, the profile, seconds to keep it.
pub(super) const PUT: &str = "
local head = redis.call('GETRANGE', KEYS[1], 0, 80)
local there = string.sub(head, 1, 16)
local begun_after_erasure = #head == 80 and ARGV[1] == ''
if there ~= '' and there ~= ARGV[1] and not begun_after_erasure then
    return { redis.call('GET', KEYS[1]) }
end
local time = redis.call('TIME')
local revision = time[1] * 1000000 + time[2]
if there ~= '' and tonumber(there) >= revision then
    revision = tonumber(there) + 1
end
revision = string.format('%016.0f', revision)
local writers = ARGV[2]
for at = 17, 65, 16 do
    local writer = string.sub(head, at, at + 15)
    if string.sub(writer, 1, 8) ~= string.sub(ARGV[2], 1, 8) then
        writers = writers .. writer
    end
end
writers = string.sub(writers .. string.rep('\\0', 64), 1, 64)
redis.call('SET', KEYS[1], revision .. writers .. ARGV[3], 'EX', ARGV[4])
return revision
";

/// Erases a visitor; 1 if there was a profile. `KEYS`: the profile, the claims. `ARGV`: process and number of the write, seconds to
/// remember it.
pub(super) const ERASE: &str = "
local there = redis.call('STRLEN', KEYS[1]) > 80
local time = redis.call('TIME')
local revision = string.format('%016.0f', time[1] * 1000000 + time[2])
redis.call('SET', KEYS[1], revision .. ARGV[1] .. string.rep('\\0', 48), 'EX', ARGV[2])
redis.call('DEL', KEYS[2])
return there and 1 or 0
";

/// Longer than anything stays in a gateway's memory.
pub(super) const ERASED: u64 = 3600;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StoredRow {
    pub(super) revision: i64,
    /// The last writer comes first.
    writers: Vec<Writer>,
    pub(super) body: Arc<[u8]>,
}

/// A process and the number of its last write that is in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Writer {
    pub(super) process: u64,
    pub(super) write: u64,
}

const REVISION: usize = 16;
const WRITERS: usize = 64;
/// What stands before the profile: the scripts read it, so it is never sealed.
pub(super) const HEAD: usize = REVISION + WRITERS;

impl StoredRow {
    /// Reads a row; `None` if it is none of ours.
    pub(super) fn read(row: &[u8]) -> Option<Self> {
        let (revision, rest) = row.split_at_checked(REVISION)?;
        let (writers, body) = rest.split_at_checked(WRITERS)?;
        let revision = std::str::from_utf8(revision).ok()?.parse().ok()?;
        let number = |bytes: &[u8]| bytes.try_into().map(u64::from_be_bytes).unwrap_or_default();
        let writers = writers.chunks_exact(16).map(|writer| {
            let (process, write) = writer.split_at(8);
            Writer { process: number(process), write: number(write) }
        });
        Some(Self { revision, writers: writers.collect(), body: body.into() })
    }

    /// The visitor had it erased.
    pub(super) fn is_erased(&self) -> bool {
        self.body.is_empty()
    }

    /// Whether another process wrote it last.
    pub(super) fn is_foreign(&self, process: u64) -> bool {
        self.writers.first().is_none_or(|writer| writer.process != process)
    }

    /// The number of the process's last write that it contains, as far as that is known.
    pub(super) fn contains_of(&self, process: u64) -> Option<u64> {
        self.writers.iter().find(|writer| writer.process == process).map(|writer| writer.write)
    }
}

/// A revision as the script compares it; the empty string for a profile that was never written.
pub(super) fn revision_text(revision: i64) -> String {
    if revision == 0 { String::new() } else { format!("{revision:016}") }
}

impl Writer {
    pub(super) fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.process) << 64 | u128::from(self.write)).to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_is_read_as_the_script_writes_it() {
        let (mine, other) = (Writer { process: 7, write: 3 }, Writer { process: u64::MAX, write: 1 });
        let row = [revision_text(42).as_bytes(), &mine.to_bytes(), &other.to_bytes(), &[0; 32], b"\x01{}"].concat();
        let row = StoredRow::read(&row).unwrap();
        assert_eq!((row.revision, &*row.body), (42, b"\x01{}".as_slice()));
        assert!(!row.is_foreign(7) && row.is_foreign(8));
        assert_eq!((row.contains_of(u64::MAX), row.contains_of(8)), (Some(1), None));
    }

    #[test]
    fn what_is_no_row_is_refused() {
        for bytes in [b"".as_slice(), b"hello", &[b'x'; 200]] {
            assert_eq!(StoredRow::read(bytes), None);
        }
    }
}
