// Popups: the browser's own modal dialogs, which trap focus, make the page inert and give focus back. One at a time.

const queue = [];
let current = null;

// Nobody is interrupted while typing, or within a dialog of the shop's own.
const modal = guard(() => doc.querySelector(':modal'));

const busy = () => {
  const active = doc.activeElement;
  return (active && (active.isContentEditable || /^(input|textarea|select)$/i.test(active.tagName))) || modal();
};

const popUp = (dialog) => {
  if (!dialog.showModal) return;
  queue.push(dialog);
  next();
};

const next = () => {
  if (current || !queue.length) return;
  if (busy()) {
    later(1000, next);
    return;
  }
  current = queue.shift();
  open(current);
};

const open = (dialog) => {
  // A dialog within something hidden would not show.
  doc.body.append(dialog);
  let followed = false;
  let pressed = null;
  on(dialog, 'pointerdown', (e) => (pressed = e.target));
  on(dialog, 'click', (e) => {
    if (e.target.closest('a[href]')) followed = true;
    // What hits the dialog itself, and nothing within it, hits the backdrop.
    if (e.target === dialog && pressed === dialog) dialog.close();
  });
  on(dialog, 'close', () => {
    page.classList.remove(cls('lock'));
    current = null;
    if (followed) away(dialog);
    else dismiss(dialog);
    later(400, next);
  });
  if (page.scrollHeight > innerHeight) page.classList.add(cls('lock'));
  dialog.showModal();
};
