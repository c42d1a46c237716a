// Tells the gateway what was seen, followed and closed: each once a page and arm.

const told = new Set();

const tell = (what, element) => {
  const arm = element.getAttribute(MARK);
  const body = JSON.stringify({ e: what, a: arm, p: location.pathname.slice(0, 512) });
  if (!arm || told.has(body)) return;
  told.add(body);
  const url = '/' + PREFIX + '/e';
  if (!(navigator.sendBeacon && navigator.sendBeacon(url, body))) {
    fetch(url, { method: 'POST', body, keepalive: true, credentials: 'same-origin' }).catch(() => {});
  }
};

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
  tell('view', element);
};

const dismiss = (element) => {
  tell('dismiss', element);
  away(element);
};
