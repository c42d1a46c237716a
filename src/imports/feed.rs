//! A file that comes in pieces while it is read. What waits is bounded; an end that nobody has announced is an error, so that half
//! a row is never taken for a whole one.

use bytes::{Buf as _, Bytes};
use std::io::{self, ErrorKind, Read};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Pieces that wait to be read.
const WAITING: usize = 8;

/// Where pieces go in. Dropped without [`Self::end`], the file is broken off.
pub struct Feed(Sender<Piece>);

/// Where they come out. It waits, and is for a thread that may.
pub struct Feeder {
    pieces: Receiver<Piece>,
    now: Bytes,
    ended: bool,
}

enum Piece {
    Some(Bytes),
    End,
    Broken(ErrorKind),
}

/// A file, and where its pieces go in.
#[must_use]
pub fn feed() -> (Feed, Feeder) {
    let (sender, pieces) = channel(WAITING);
    (Feed(sender), Feeder { pieces, now: Bytes::new(), ended: false })
}

impl Feed {
    /// Hands a piece over, once there is room; false if nobody reads on.
    pub async fn give(&self, piece: Bytes) -> bool {
        self.0.send(Piece::Some(piece)).await.is_ok()
    }

    /// That was all.
    pub async fn end(self) {
        let _ = self.0.send(Piece::End).await;
    }

    /// There is more, and it does not come: why.
    pub async fn break_off(self, why: ErrorKind) {
        let _ = self.0.send(Piece::Broken(why)).await;
    }

    /// Waits until nobody reads on.
    pub async fn unread(&self) {
        self.0.closed().await;
    }
}

impl Read for Feeder {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.now.is_empty() && !self.ended {
            match self.pieces.blocking_recv() {
                Some(Piece::Some(piece)) => self.now = piece,
                Some(Piece::End) => self.ended = true,
                Some(Piece::Broken(why)) => return Err(why.into()),
                None => return Err(ErrorKind::UnexpectedEof.into()),
            }
        }
        let given = self.now.len().min(into.len());
        self.now.split_to(given).copy_to_slice(into.get_mut(..given).unwrap_or_default());
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(feed: impl AsyncFnOnce(Feed)) -> io::Result<String> {
        let (sender, mut reader) = super::feed();
        let reading = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        });
        feed(sender).await;
        reading.await.unwrap()
    }

    #[tokio::test]
    async fn pieces_are_read_in_order_and_an_end_must_be_told() {
        let whole = read(async |feed| {
            for number in 0..100 {
                assert!(feed.give(format!("{number},").into()).await);
                assert!(feed.give(Bytes::new()).await);
            }
            feed.end().await;
        });
        let expected: Vec<String> = (0..100).map(|number| format!("{number},")).collect();
        assert_eq!(whole.await.unwrap(), expected.concat());
        let cut = read(async |feed| assert!(feed.give("a,b".into()).await)).await.unwrap_err();
        assert_eq!(cut.kind(), ErrorKind::UnexpectedEof);
        let late = read(async |feed| feed.break_off(ErrorKind::TimedOut).await).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn whoever_gives_to_nobody_is_told() {
        let (feed, reader) = feed();
        drop(reader);
        feed.unread().await;
        assert!(!feed.give("a".into()).await);
    }
}
