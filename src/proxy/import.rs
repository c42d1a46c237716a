//! Passes an import's body on as it comes: a file that is longer than anything that is held in memory.

use super::respond;
use super::upload::Upload;
use crate::clock::Clock;
use crate::exchange::{Ended, Feed, ImportCall};
use http::header::EXPECT;
use pingora::Result;
use pingora::proxy::Session;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long a sender who is answered early may go on sending: one who is cut off in the midst of it may never see the answer.
const LINGER: Duration = Duration::from_secs(3);

/// How a body must come.
pub(super) struct Pace {
    pub(super) clock: Arc<dyn Clock>,
    /// Longest silence.
    pub(super) silence: Duration,
    /// Bytes a second, at least.
    pub(super) rate: u64,
}

/// Answers an import.
pub(super) async fn import(session: &mut Session, call: ImportCall, pace: &Pace) -> Result<()> {
    let most = call.max_size();
    let answer = match call.begin().await {
        Ok((feed, import)) => {
            let waits = session.req_header().headers.get(EXPECT).is_some_and(|what| what == "100-continue");
            if waits && !session.is_http2() {
                session.as_mut().write_continue_response().await?;
            }
            let (answer, ()) = tokio::join!(import.run(), pass_on(session, feed, most, pace));
            answer
        }
        Err(answer) => answer,
    };
    respond::answer(session, answer).await?;
    let rest = async { while let Ok(Some(_)) = session.as_mut().read_request_body().await {} };
    let _ = timeout(LINGER, rest).await;
    Ok(())
}

async fn pass_on(session: &mut Session, feed: Feed, most: u64, pace: &Pace) {
    let (mut upload, mut bytes) = (Upload::default(), 0);
    let ended = loop {
        let piece = tokio::select! {
            piece = timeout(pace.silence, session.as_mut().read_request_body()) => piece,
            // It has its answer already.
            () = feed.unread() => return,
        };
        let piece = match piece {
            Ok(Ok(Some(piece))) => piece,
            Ok(Ok(None)) => return feed.end().await,
            Ok(Err(error)) if *error.etype() == pingora::ErrorType::ReadTimedout => break Ended::Late,
            Ok(Err(_)) => break Ended::BrokenOff,
            Err(_silent) => break Ended::Late,
        };
        bytes += piece.len() as u64;
        if bytes > most {
            break Ended::TooLarge;
        }
        if upload.is_too_slow(piece.len(), pace.clock.monotonic(), pace.rate) {
            break Ended::Late;
        }
        if !feed.give(piece).await {
            return;
        }
    };
    feed.break_off(ended.kind()).await;
}
