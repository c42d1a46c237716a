//! A shop over HTTP/2 that does not take a request (RFC 9113 §8.7): it is sent once more, wherever that is safe, and nowhere else.

use super::{HTML, gateway_for, response_head, send};
use crate::support::faults::{broken_shop, frame, listen};
use crate::support::{Connection, Request};
use std::collections::HashMap;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// What a shop sends in place of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Refusal {
    /// RST_STREAM, REFUSED_STREAM.
    Reset,
    /// GOAWAY without an error, and without this request among those that it took.
    GoAway,
    /// What is no HTTP/2: nothing is known of the request.
    Garbage,
}

/// What a shop has had.
#[derive(Debug, Default)]
struct Had {
    connections: usize,
    /// What came of each request's body.
    bodies: Vec<Vec<u8>>,
}

/// Refuses its first request when so much of its body has come, and answers every other at its end.
fn shop(refusal: Refusal, after: usize) -> (SocketAddr, Arc<Mutex<Had>>) {
    let had = Arc::new(Mutex::new(Had::default()));
    let counted = had.clone();
    let address = listen(move |stream| {
        if stream.read_exact(&mut [0; 24]).is_err() {
            return;
        }
        had.lock().unwrap().connections += 1;
        let wide: u32 = 1 << 24;
        send(stream, frame(4, 0, 0, &[&[0, 4], &wide.to_be_bytes()[..]].concat()));
        send(stream, frame(8, 0, 0, &wide.to_be_bytes()));
        let (mut numbers, mut frame_head) = (HashMap::new(), [0; 9]);
        while stream.read_exact(&mut frame_head).is_ok() {
            let mut payload = vec![0; u32::from_be_bytes([0, frame_head[0], frame_head[1], frame_head[2]]) as usize];
            if stream.read_exact(&mut payload).is_err() {
                return;
            }
            let id = u32::from_be_bytes([frame_head[5], frame_head[6], frame_head[7], frame_head[8]]);
            let (number, length) = {
                let bodies = &mut had.lock().unwrap().bodies;
                match frame_head[3] {
                    1 => {
                        numbers.insert(id, bodies.len());
                        bodies.push(Vec::new());
                    }
                    0 => bodies[numbers[&id]].extend_from_slice(&payload),
                    4 if frame_head[4] == 0 => send(stream, frame(4, 1, 0, &[])),
                    _ => {}
                }
                let Some(number) = numbers.get(&id).copied().filter(|_| frame_head[3] < 2) else { continue };
                (number, bodies[number].len())
            };
            match refusal {
                _ if number > 0 => {
                    if frame_head[4] & 1 == 1 {
                        send(stream, [response_head(id, None), frame(0, 1, id, HTML.as_bytes())].concat());
                    }
                }
                _ if length < after => {}
                Refusal::Reset => send(stream, frame(3, 0, id, &7_u32.to_be_bytes())),
                Refusal::GoAway => return send(stream, frame(7, 0, 0, &[0; 8])),
                Refusal::Garbage => return send(stream, frame(0, 0, 0, b"data of no stream")),
            }
        }
    });
    (address, counted)
}

/// Sends a request to such a shop: the status, how often the shop was connected to, and what it had of each body.
fn sent(refusal: Refusal, after: usize, method: &str, body: &[u8]) -> (u16, usize, Vec<Vec<u8>>) {
    let (address, had) = shop(refusal, after);
    let others = [("other.example", format!("http://{address}"), "http2 = true\n")];
    let (gateway, _rules) = gateway_for(broken_shop(&mut []), &others);
    let mut connection = Connection::open(gateway.address());
    let mut request = Request::page("/").method(method).host("other.example");
    if !body.is_empty() {
        request = request.header("Content-Length", &body.len().to_string());
    }
    connection.send(&request);
    connection.try_send(body);
    let status = connection.response().status;
    let mut had = had.lock().unwrap();
    (status, had.connections, std::mem::take(&mut had.bodies))
}

#[test]
fn request_that_a_shop_over_http_2_did_not_take_is_sent_again() {
    for refusal in [Refusal::Reset, Refusal::GoAway] {
        for (method, body) in [("GET", ""), ("POST", "size=9")] {
            let (status, _, bodies) = sent(refusal, 0, method, body.as_bytes());
            assert_eq!((status, bodies.len()), (200, 2), "{method} {refusal:?}");
            assert_eq!(bodies[1], body.as_bytes(), "{method} {refusal:?}");
        }
    }
}

#[test]
fn request_that_may_have_been_taken_or_cannot_be_sent_whole_is_not_sent_again() {
    // A shop may have taken the order before it failed.
    let (status, connections, bodies) = sent(Refusal::Garbage, 0, "POST", b"order");
    assert_eq!((status, connections, bodies.len()), (502, 1, 1));
    // Nothing is kept of so much, so that only its end could be sent again.
    let upload = vec![b'x'; 300 << 10];
    for refusal in [Refusal::Reset, Refusal::GoAway] {
        let (status, _, bodies) = sent(refusal, 200 << 10, "PUT", &upload);
        assert_eq!((status, bodies.len()), (502, 1), "{refusal:?}");
    }
}
