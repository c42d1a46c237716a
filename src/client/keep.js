// Where the shop's own script takes over what the server has rendered, what stands in its way is thrown out. There the gateway sends
// inert templates at the end of the body; they are carried out here, once that script is done, and again if it redraws the page.

const own = doc.currentScript;
const sheet = doc.querySelector('link[' + MARK + '=style]');

// What was put on the page and must not vanish by itself, and the arms of what has vanished rightly.
const kept = new Set();
const over = new Set();

const away = (element) => {
  over.add(element.getAttribute(MARK));
  kept.delete(element);
  element.remove();
};

// React leaves its name on what it owns: on the root at first, on what is in it once that is taken over. Of others nothing is known:
// they get five seconds after the page has loaded.
const named = (node, name) => Object.keys(node).some((key) => key.startsWith(name));

const taken = () => {
  const nodes = [doc, doc.body, ...[...doc.body.querySelectorAll(':scope > *, :scope > * > *')].slice(0, 50)];
  const roots = nodes.filter((node) => named(node, '__reactContainer'));
  return roots.length && roots.every((root) => [...root.children].some((child) => named(child, '__reactFiber')));
};

const settled = (then) => {
  const idle = () => (window.requestIdleCallback ? requestIdleCallback(guard(then), { timeout: 1000 }) : later(50, then));
  const look = (tries) => (tries && !taken() ? later(50, () => look(tries - 1)) : idle());
  if (doc.readyState === 'complete') look(100);
  else on(window, 'load', () => look(100), { once: true });
};

// The elements that a template asks for. Nothing can stand around the body.
const targets = (template) => {
  const selector = template.getAttribute(data('at'));
  const found = template.hasAttribute(data('all')) ? [...doc.querySelectorAll(selector)] : [doc.querySelector(selector)];
  return found.filter(Boolean).map((at) => (at === page ? doc.body : at));
};

const lay = (at, how, nodes) => {
  if (sheet && !sheet.isConnected) doc.head.append(sheet);
  const whole = at === doc.body;
  if (how === 'replace' || how === 'remove') {
    if (whole) return;
    // The element is not ours to take away: its owner would look for it.
    at.before(...nodes);
    at.setAttribute(data('out'), '');
  } else if (whole) at[{ before: 'prepend', after: 'append' }[how] || how](...nodes);
  else at[how](...nodes);
};

const carry = (template) => {
  const how = template.getAttribute(data('how'));
  return targets(template).map((at, nth) => {
    const nodes = [...doc.importNode(template.content, true).children];
    lay(at, how, nodes);
    nodes.forEach(guard(setUp));
    return { template, how, nth, nodes };
  });
};

// Puts back what a redrawing threw out.
const restore = ({ template, how, nth, nodes }) => {
  const lost = nodes.filter((node) => kept.has(node) && !node.isConnected);
  const at = lost.length && targets(template)[nth];
  if (!at) return false;
  lay(at, how, lost);
  for (const node of lost.filter((one) => one.open && one.showModal)) {
    node.open = false;
    node.showModal();
  }
  return true;
};

// A page may need a while to come to rest, but is not fought with.
const carryOut = (templates) => {
  const laid = templates.flatMap((template) => guard(carry)(template) || []);
  let rounds = 10;
  const watch = new MutationObserver(() => {
    if (laid.map(guard(restore)).some(Boolean) && --rounds <= 0) watch.disconnect();
  });
  watch.observe(doc, { childList: true, subtree: true });
  later(15000, () => watch.disconnect());
};

// Arms that were delivered, and of which nothing is there: the shop's script may have taken them away before this one began.
const missing = () => {
  const arms = (own && own.getAttribute(data('arms'))) || '';
  return arms.split(' ').filter((arm) => arm && !over.has(arm) && !doc.querySelector('[' + MARK + '="' + arm + '"]'));
};

const keep = () => {
  const templates = [...doc.querySelectorAll('template[' + data('at') + ']')];
  settled(() => {
    if (templates.length) carryOut(templates);
    else if (!again) missing().forEach((arm) => tell('gone', arm));
  });
};
