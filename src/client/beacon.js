// Tells the gateway what was seen, followed and closed: each once a page and arm.

const told = new Set();

const tell = (what, arm) => {
  const body = JSON.stringify({ e: what, a: arm, p: (location.pathname + location.search).slice(0, 512) });
  // A sandboxed page has no origin and no cookie: nobody would be known by it.
  if (told.has(body) || window.origin === 'null') return;
  told.add(body);
  // Said in full: the page may have a `<base>`.
  const url = location.origin + '/' + PREFIX + '/e';
  if (!(navigator.sendBeacon && navigator.sendBeacon(url, body))) {
    fetch(url, { method: 'POST', body, keepalive: true, credentials: 'same-origin' }).catch(() => {});
  }
};

const tellOf = (what, element) => {
  const arm = element.getAttribute(MARK);
  if (arm) tell(what, arm);
};

// A page that a service worker has kept and shows again was counted when it was delivered.
const again = performance.getEntriesByType('navigation').some((entry) => entry.workerStart && !entry.transferSize);

// A view is half of it, or half a screen of it, on the screen for one second of a page that is looked at.
const timers = new Map();
const watcher =
  window.IntersectionObserver &&
  new IntersectionObserver(
    guard((entries) => {
      for (const { target, isIntersecting, intersectionRatio, intersectionRect } of entries) {
        const tall = intersectionRect.height >= innerHeight / 2;
        if (isIntersecting && (intersectionRatio >= 0.5 || tall)) {
          if (!timers.has(target)) timers.set(target, later(1000, () => seen(target)));
        } else {
          clearTimeout(timers.get(target));
          timers.delete(target);
        }
      }
    }),
    { threshold: Array.from({ length: 21 }, (_, n) => n / 20) },
  );

const seen = (element) => {
  if (doc.visibilityState !== 'visible') {
    timers.set(element, later(1000, () => seen(element)));
    return;
  }
  watcher.unobserve(element);
  if (!again) tellOf('view', element);
};

const dismiss = (element) => {
  tellOf('dismiss', element);
  away(element);
};
