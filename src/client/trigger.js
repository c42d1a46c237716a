// When an action that is on the page shows itself: the first of its triggers that happens.

const triggers = {
  after: (ms, fire) => later(ms, fire),

  idle: (ms, fire, options) => {
    let timer;
    const restart = () => {
      clearTimeout(timer);
      timer = later(ms, () => options.signal.aborted || fire());
    };
    on(doc, 'pointermove pointerdown keydown scroll touchstart', restart, { passive: true, ...options });
    restart();
  },

  scroll: (percent, fire, options) => {
    const look = () => {
      const way = page.scrollHeight - innerHeight;
      if (way <= 0 || scrollY / way >= percent / 100) fire();
    };
    on(window, 'scroll resize', look, { passive: true, ...options });
    if (scrollY > 0) look();
  },

  exit: (_, fire, options) => {
    // A mouse leaves through the top, for the tabs or the address.
    on(doc, 'mouseout', (e) => e.relatedTarget || e.clientY > 0 || fire(), options);
    // A finger has no way out to watch: coming back to the page counts, and so does a quick flick back up.
    let left = false;
    on(doc, 'visibilitychange', () => (doc.visibilityState === 'hidden' ? (left = true) : left && fire()), options);
    if (!matchMedia('(pointer: coarse)').matches) return;
    let [top, since] = [scrollY, Date.now()];
    let deepest = 0;
    const look = () => {
      deepest = Math.max(deepest, scrollY);
      if (scrollY >= top || Date.now() - since > 600) [top, since] = [scrollY, Date.now()];
      else if (deepest > innerHeight && top - scrollY > innerHeight * 0.6) fire();
    };
    on(window, 'scroll', look, { passive: true, ...options });
  },
};

const when = (words, show) => {
  const stop = new AbortController();
  const fire = () => {
    if (stop.signal.aborted) return;
    stop.abort();
    show();
  };
  for (const word of words.split(' ')) {
    const [kind, amount] = word.split(':');
    guard(triggers[kind])(+amount, fire, { signal: stop.signal });
  }
};
