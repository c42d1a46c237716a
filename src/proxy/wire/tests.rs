use super::*;
use proptest::prelude::*;
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;

fn wired() -> (Wire, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    (Wire::new(Box::new(near)), far)
}

#[tokio::test]
async fn a_small_write_waits_for_the_next_one_and_goes_out_before_it() {
    let (mut wire, mut far) = wired();
    wire.write_all(b"head").await.unwrap();
    assert_eq!(far.try_read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let body = vec![b'x'; BEHIND];
    wire.write_all(&body).await.unwrap();
    let mut got = vec![0; 4 + BEHIND];
    far.read_exact(&mut got).await.unwrap();
    assert_eq!(got, [b"head".as_slice(), &body].concat());
}

#[tokio::test]
async fn what_was_written_goes_out_as_soon_as_the_other_end_is_waited_for() {
    let (mut wire, mut far) = wired();
    wire.write_all(b"question").await.unwrap();
    let answered = async {
        let mut question = [0; 8];
        far.read_exact(&mut question).await.unwrap();
        far.write_all(b"answer").await.unwrap();
        question
    };
    let mut answer = [0; 6];
    let (question, read) = tokio::join!(answered, wire.read_exact(&mut answer));
    read.unwrap();
    assert_eq!((&question, &answer), (b"question", b"answer"));
}

#[tokio::test]
async fn peeking_sends_what_was_written_takes_nothing_away_and_tells_an_end() {
    let (mut wire, mut far) = wired();
    wire.write_all(b"bye").await.unwrap();
    far.write_all(b"GET / HTTP").await.unwrap();
    let mut first = [0; 4];
    assert!(wire.try_peek(&mut first).await.unwrap());
    assert_eq!(&first, b"GET ");
    assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 3);
    far.write_all(b"/1.0").await.unwrap();
    let mut all = [0; 14];
    wire.read_exact(&mut all).await.unwrap();
    assert_eq!(&all, b"GET / HTTP/1.0");
    far.write_all(b"GE").await.unwrap();
    drop(far);
    assert_eq!(wire.try_peek(&mut first).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Sizes around those where a write is kept, sent with what was kept, or sent in part.
    #[test]
    fn all_that_is_written_arrives_in_order(
        writes in prop::collection::vec((prop_oneof![0..20_usize, 4080..4110_usize, 100_000..400_000_usize], any::<bool>()), 1..12)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut wire, mut far) = wired();
            let mut sent = Vec::new();
            let write = async {
                for (turn, (size, flush)) in writes.into_iter().enumerate() {
                    let piece: Vec<u8> = (0..size).map(|at| (at * 7 + turn) as u8).collect();
                    sent.extend_from_slice(&piece);
                    let (one, two) = piece.split_at(size / 3);
                    let mut both = Buf::chain(one, two);
                    wire.write_all_buf(&mut both).await.unwrap();
                    if flush {
                        wire.flush().await.unwrap();
                    }
                }
                AsyncWriteExt::shutdown(&mut wire).await.unwrap();
                drop(wire);
            };
            let mut got = Vec::new();
            let (_, read) = tokio::join!(write, far.read_to_end(&mut got));
            read.unwrap();
            prop_assert!(got == sent, "{} of {} bytes", got.len(), sent.len());
            Ok(())
        })?;
    }
}
