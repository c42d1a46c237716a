//! Where a rewritten page goes. It is told what becomes of each byte, so that a coded page need not be coded anew.

use bytes::BytesMut;

/// Takes what becomes of a page, in the page's order. Copied and skipped bytes together are the page.
pub(in crate::transform) trait Output {
    /// The page's next bytes go out as they are.
    fn copy(&mut self, bytes: &[u8]);
    /// Bytes that are not the page's go out.
    fn insert(&mut self, bytes: &[u8]);
    /// The page's next bytes are left out.
    fn skip(&mut self, bytes: &[u8]);
    /// About so many bytes will follow.
    fn reserve(&mut self, bytes: usize);
}

impl Output for BytesMut {
    fn copy(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn insert(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn skip(&mut self, _: &[u8]) {}

    fn reserve(&mut self, bytes: usize) {
        self.reserve(bytes);
    }
}
