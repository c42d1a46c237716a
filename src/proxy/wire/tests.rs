use super::*;
use proptest::prelude::*;
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;

type Far = std::os::unix::net::UnixStream;

fn wired() -> (Wire, Far) {
    let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    far.set_nonblocking(true).unwrap();
    (Wire::new(Box::new(UnixStream::from_std(near).unwrap())), far)
}

fn nothing_at(far: &mut Far) -> bool {
    std::io::Read::read(far, &mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[tokio::test]
async fn a_small_write_waits_for_the_next_one_and_goes_out_before_it() {
    let (mut wire, mut far) = wired();
    wire.write_all(b"head").await.unwrap();
    assert!(nothing_at(&mut far));
    let body = vec![b'x'; BEHIND];
    wire.write_all(&body).await.unwrap();
    let mut got = vec![0; 4 + BEHIND];
    std::io::Read::read_exact(&mut far, &mut got).unwrap();
    assert_eq!(got, [b"head".as_slice(), &body].concat());
}

#[tokio::test]
async fn attended_work_may_flush_and_what_it_wrote_goes_out_once_it_waits_or_ends() {
    let (wire, mut far) = wired();
    let mut handle = wire.clone();
    let (tell, told) = tokio::sync::oneshot::channel();
    let mut watched = far.try_clone().unwrap();
    let work = Box::pin(async move {
        handle.write_all(b"question").await.unwrap();
        handle.flush().await.unwrap();
        assert!(nothing_at(&mut watched));
        told.await.unwrap();
        handle.write_all(b"bye").await.unwrap();
        handle.flush().await.unwrap();
        assert!(nothing_at(&mut watched));
    });
    let mut buffer = [0; 16];
    let other = async {
        let mut far = UnixStream::from_std(far.try_clone().unwrap()).unwrap();
        far.read_exact(&mut buffer[..8]).await.unwrap();
        tell.send(()).unwrap();
    };
    tokio::join!(wire.attend(work), other);
    assert_eq!(&buffer[..8], b"question");
    assert_eq!(std::io::Read::read(&mut far, &mut buffer).unwrap(), 3);
}

#[tokio::test]
async fn peeking_sends_what_was_written_takes_nothing_away_and_tells_an_end() {
    let (mut wire, far) = wired();
    let mut far = UnixStream::from_std(far).unwrap();
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
            let (mut wire, far) = wired();
            let mut far = UnixStream::from_std(far).unwrap();
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
            let ((), read) = tokio::join!(write, far.read_to_end(&mut got));
            read.unwrap();
            prop_assert!(got == sent, "{} of {} bytes", got.len(), sent.len());
            Ok(())
        })?;
    }
}
