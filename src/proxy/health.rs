//! Asks shops' addresses whether they are well, where a site wants it.

use super::peers::Peers;
use crate::site::HealthCheck;
use crate::world::World;
use arc_swap::ArcSwap;
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::prelude::HttpPeer;
use std::sync::Arc;
use std::time::Duration;

/// Time for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the list of sites with checks is looked through.
const TICK: Duration = Duration::from_secs(1);

/// Checks until the future is dropped.
pub async fn run(world: Arc<ArcSwap<World>>, peers: Arc<Peers>) {
    let connector = Connector::new(None);
    let mut tick = tokio::time::interval(TICK);
    let mut seconds: u64 = 0;
    loop {
        tick.tick().await;
        seconds += 1;
        let now = world.load_full();
        peers.retain(|id| now.site(id).is_some());
        for site in now.sites() {
            let Some(check) = &site.origin.health else { continue };
            if !seconds.is_multiple_of(check.interval.as_secs().max(1)) {
                continue;
            }
            let pool = peers.pool(site);
            for (index, target) in pool.targets().iter().enumerate() {
                let host = site.origin.host.clone().unwrap_or_else(|| target.address.host.clone());
                let well = match peers.resolve(target, index).await {
                    Ok(address) => {
                        let mut peer = HttpPeer::new(address, target.address.tls, host.clone());
                        super::heads::configure(&mut peer.options, &site.origin, target.address.tls);
                        tokio::time::timeout(PATIENCE, ask(&connector, &peer, check, &host)).await.unwrap_or(false)
                    }
                    Err(_) => false,
                };
                if well {
                    peers.put_back(target);
                } else {
                    tracing::warn!(site = %site.id, address = index, "origin address failed its health check");
                    // Out until after the next check, which may bring it back.
                    peers.take_out(target, check.interval * 2 + PATIENCE);
                }
            }
        }
    }
}

async fn ask(connector: &Connector, peer: &HttpPeer, check: &HealthCheck, host: &str) -> bool {
    let Ok((mut session, _)) = connector.get_http_session(peer).await else { return false };
    let Ok(mut request) = RequestHeader::build("GET", check.path.as_bytes(), None) else { return false };
    if request.insert_header("Host", host).is_err() || request.insert_header("User-Agent", "noren-health").is_err() {
        return false;
    }
    if session.write_request_header(Box::new(request)).await.is_err()
        || session.finish_request_body().await.is_err()
        || session.read_response_header().await.is_err()
    {
        return false;
    }
    let well = session.response_header().is_some_and(|response| response.status.as_u16() < 500);
    session.shutdown().await;
    well
}
