// Finds what the gateway put on the page and sets it going.

const reveal = (root) => {
  root.removeAttribute(data('show'));
  if (watcher) watcher.observe(root);
  if (root.matches('dialog')) popUp(root);
};

const setUp = (root) => {
  kept.add(root);
  root.classList.add(cls('on'));
  countDown(root);
  if (root.matches('details')) on(root, 'toggle', () => root.open || dismiss(root));
  const words = root.getAttribute(data('show'));
  if (words) when(words, () => reveal(root));
  else reveal(root);
};

const press = (e) => {
  const part = e.target.closest && e.target.closest('a,button,summary,input,[role=button]');
  const root = part && part.closest('[' + MARK + ']');
  if (!root) return;
  const is = (name) => part.hasAttribute(data(name));
  if (is('close')) {
    if (root.matches('dialog')) root.close();
    else dismiss(root);
    return;
  }
  if (part.matches('summary') || part.closest('.' + cls('panel'))) return;
  tellOf('click', root);
  if (is('copy')) copy(part).catch(() => {});
  if (is('load')) loadScript(root, part);
  if (is('panel') && e.button === 0 && !(e.ctrlKey || e.metaKey || e.shiftKey)) {
    e.preventDefault();
    togglePanel(root, part);
  }
};

const start = guard(() => {
  on(doc, 'click', press);
  on(doc, 'auxclick', (e) => e.button === 1 && press(e));
  // An arm's mark has a slash in it; those of our own files have none.
  doc.querySelectorAll('[' + MARK + '*="/"]').forEach(guard(setUp));
  keep();
});

if (doc.readyState === 'loading') on(doc, 'DOMContentLoaded', start);
else start();
