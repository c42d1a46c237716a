//! Shops with a service worker, which keeps pages and shows them again.

use crate::support::browser::{Browser, Screen};
use crate::support::{Gateway, Origin, Rules, origin};

const HOST: &str = "shop.example";

const WORKER: &str = "
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (e) => e.waitUntil(clients.claim()));
self.addEventListener('message', (e) => e.waitUntil((async () => {
    await self.registration.navigationPreload[e.data]();
    e.ports[0].postMessage('done');
})()));
self.addEventListener('fetch', (e) => {
    if (e.request.mode != 'navigate') return;
    e.respondWith((async () => {
        const pages = await caches.open('pages');
        if (e.request.url.endsWith('?again')) return pages.match('/');
        const page = (await e.preloadResponse) || (await fetch(e.request));
        await pages.put('/', page.clone());
        return page;
    })());
});";

fn shop() -> Origin {
    Origin::new(|request, wire| {
        if request.target == "/worker.js" {
            let length = WORKER.len();
            wire.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nContent-Length: {length}\r\n\r\n{WORKER}"
            ));
        } else {
            wire.send(origin::page(
                "",
                "<!DOCTYPE html><html><head><title>Shop</title></head><body><h1>Shop</h1></body></html>",
            ));
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn page_that_a_worker_shows_again_counts_for_nothing() {
    let shop = shop();
    let rules = Rules::shop(shop.address());
    rules.scenario("hello", "name = 'a test'\nwhen = 'true'\n[caps]\nstop_after = ['click']\n[[variant]]\n[variant.banner]\ntext = 'Hello'\n");
    let gateway = Gateway::serve(rules.path());
    let browser = Browser::open_trusting(HOST, gateway.address()).await;
    browser.screen(Screen::Desktop).await;
    for path in ["/", "/", "/", "/?again"] {
        browser.goto(&format!("http://{HOST}{path}")).await;
        browser.until_shown("[data-gw='hello/a']").await;
        tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
        println!(
            "{path} insertions {} beacons {}",
            gateway.metric("noren_insertions_total", ""),
            gateway.metric("noren_responses_total", "own")
        );
        println!("{}", browser.eval("JSON.stringify([...performance.getEntriesByType('navigation')].map(e => [e.workerStart, e.transferSize, e.encodedBodySize, e.deliveryType, e.responseStatus, e.fetchStart, e.requestStart, e.responseStart]))").await);
        for r in shop.received() {
            println!(
                "   {} {:?}",
                r.target,
                r.headers
                    .iter()
                    .filter(|(n, _)| n.starts_with("sec-")
                        || n.starts_with("Sec-")
                        || n.to_lowercase().contains("service")
                        || n.to_lowercase() == "accept")
                    .collect::<Vec<_>>()
            );
        }
        browser.eval("void navigator.serviceWorker.register('/worker.js')").await;
        browser.until("navigator.serviceWorker.controller").await;
    }
}
