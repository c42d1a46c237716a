// The coupon's code and its deadline.

const copy = async (button) => {
  const code = button.getAttribute(data('copy'));
  try {
    await navigator.clipboard.writeText(code);
  } catch {
    // Without https there is no clipboard: the selection is.
    const range = doc.createRange();
    range.selectNodeContents(button.parentNode.querySelector('code'));
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    doc.execCommand('copy');
  }
  const [before, done] = [button.textContent, button.getAttribute(data('done'))];
  const status = button.closest('[' + MARK + ']').querySelector('[role=status]');
  button.textContent = done;
  button.classList.add(cls('done'));
  if (status) status.textContent = done;
  later(2500, () => {
    button.textContent = before;
    button.classList.remove(cls('done'));
    if (status) status.textContent = '';
  });
};

const pad = (n) => String(n).padStart(2, '0');

// Counts down, and takes the coupon away at the end.
const countDown = (root) => {
  const clock = root.querySelector('[' + data('until') + ']');
  const time = root.querySelector('time');
  const end = Date.parse((time && time.dateTime) || '');
  if (!end) return;
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    if (left <= 0) {
      // Nobody closed it: it is not to be told as dismissed.
      over.add(root.getAttribute(MARK));
      root.removeAttribute(MARK);
      if (root.open && root.close) root.close();
      away(root);
      return;
    }
    if (!clock) {
      later(Math.min(left * 1000, 2 ** 31 - 1), tick);
      return;
    }
    const days = Math.floor(left / 86400);
    const hours = Math.floor(left / 3600) % 24;
    const rest = [hours, Math.floor(left / 60) % 60, left % 60].map(pad).join(':');
    const label = clock.getAttribute(data('left'));
    clock.textContent = label + ' ' + (days ? days + clock.getAttribute(data('days')) + ' ' : '') + rest;
    if (root.isConnected) later(1000 - (Date.now() % 1000), tick);
  };
  tick();
};
