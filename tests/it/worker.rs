//! Shops with a service worker, which keeps pages and shows them again.

use crate::support::browser::{Browser, Screen};
use crate::support::{Gateway, Origin, Rules, eventually, origin};

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
    let go = async |path: &str| browser.goto(&format!("http://{HOST}{path}")).await;
    let insertions = || gateway.count("noren_insertions_total", "");
    let told = "performance.getEntriesByType('resource').filter(entry => entry.initiatorType == 'beacon').length";

    go("/").await;
    browser.until_shown("[data-gw='hello/a']").await;
    eventually("the delivery is counted", || (insertions() == 1).then_some(()));
    browser.eval("void navigator.serviceWorker.register('/worker.js')").await;
    browser.until("navigator.serviceWorker.controller").await;

    // A page that the worker fetches may be for an iframe as well: nobody can tell, so it passes as it is.
    go("/").await;
    let fetched = shop.received().into_iter().rfind(|request| request.target == "/").unwrap();
    assert_eq!((fetched.header("sec-fetch-mode"), fetched.header("sec-fetch-dest")), (Some("navigate"), Some("empty")));
    assert_eq!((browser.shows("[data-gw]").await, insertions()), (false, 1));

    // What the browser fetches ahead of the worker is a navigation like any other.
    let preloading = async |word: &str| {
        let channel = "(window.channel = new MessageChannel(), channel.port1.onmessage = () => window.answered = true, channel.port2)";
        browser.eval(&format!("void navigator.serviceWorker.controller.postMessage('{word}', [{channel}])")).await;
        browser.until("window.answered").await;
    };
    preloading("enable").await;
    go("/").await;
    browser.until_shown("[data-gw='hello/a']").await;
    eventually("the delivery is counted", || (insertions() == 2).then_some(()));
    let fetched = shop.received().into_iter().rfind(|request| request.target == "/").unwrap();
    assert_eq!(fetched.header("service-worker-navigation-preload"), Some("true"));
    browser.until(&format!("{told} == 1")).await;

    preloading("disable").await;

    // Shown again out of the worker's cache, by when it would have been told as seen.
    go("/?again").await;
    browser.until_shown("[data-gw='hello/a']").await;
    browser.until("performance.now() > 2500").await;
    assert_eq!((insertions(), browser.eval(told).await), (2, 0.into()));
    browser.eval("void document.querySelector('[data-gw] summary').click()").await;
    // That the visitor has closed it is true wherever the page came from.
    browser.until(&format!("{told} == 1")).await;
    assert_eq!(browser.console_errors().await, Vec::<String>::new());
}
