//! Writes Noren's own answers, and is the one place where an error becomes a response.

use crate::exchange::Answer;
use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType, Result};

/// Writes an answer of Noren's own.
pub(super) async fn answer(session: &mut Session, answer: Answer) -> Result<()> {
    let mut head = ResponseHeader::build(answer.status, Some(answer.headers.len() + 2))?;
    for (name, value) in answer.headers {
        head.append_header(name, value)?;
    }
    let bodyless = answer.status.is_informational() || answer.status == 204 || answer.status == 304;
    if !bodyless {
        head.insert_header(CONTENT_LENGTH, answer.body.len())?;
    }
    // A request whose body was not read must not be followed by another on its connection: what is left of the body
    // would be taken for a request.
    if session.is_body_empty() {
        session.set_keepalive(Some(60));
    } else if !session.is_http2() {
        session.set_keepalive(None);
        head.insert_header(CONNECTION, "close")?;
    }
    let empty = bodyless || answer.body.is_empty() || session.req_header().method == http::Method::HEAD;
    session.write_response_header(Box::new(head), empty).await?;
    if !empty {
        session.write_response_body(Some(answer.body), true).await?;
    }
    Ok(())
}

/// Whether the client has had the head that counts: of those before it, a switch of protocols alone is the last.
pub(super) fn is_answered(session: &Session) -> bool {
    session
        .response_written()
        .is_some_and(|head| !head.status.is_informational() || head.status == http::StatusCode::SWITCHING_PROTOCOLS)
}

/// Reads a request's body up to a limit; what goes beyond it is an error.
pub(super) async fn read_body(session: &mut Session, limit: usize) -> Result<Option<Bytes>> {
    let mut body = BytesMut::new();
    while let Some(piece) = session.as_mut().read_request_body().await? {
        if body.len() + piece.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&piece);
    }
    Ok(Some(body.freeze()))
}

/// The status for a failed exchange; 0 when nobody is left to read it.
pub(super) fn status_of(error: &Error) -> u16 {
    if let ErrorType::HTTPStatus(status) = error.etype() {
        return *status;
    }
    match error.esource() {
        ErrorSource::Upstream => match error.etype() {
            ErrorType::ConnectTimedout | ErrorType::ReadTimedout | ErrorType::WriteTimedout => 504,
            _ => 502,
        },
        ErrorSource::Downstream => match error.etype() {
            ErrorType::WriteError | ErrorType::ReadError | ErrorType::ConnectionClosed => 0,
            ErrorType::ReadTimedout => 408,
            _ => 400,
        },
        ErrorSource::Internal | ErrorSource::Unset => match error.etype() {
            ErrorType::ConnectTimedout => 504,
            ErrorType::ConnectRefused
            | ErrorType::ConnectNoRoute
            | ErrorType::ConnectError
            | ErrorType::TLSHandshakeFailure
            | ErrorType::InvalidCert => 502,
            _ => 500,
        },
    }
}
