use super::*;
use crate::clock::SystemClock;
use crate::ids::OsRandom;

#[tokio::test]
#[ignore = "serves the shop for a look at it"]
async fn look() {
    let listener = TcpListener::bind("127.0.0.1:8101").await.unwrap();
    serve(listener, Arc::new(OsRandom), Arc::new(SystemClock), std::future::pending()).await.unwrap();
}
